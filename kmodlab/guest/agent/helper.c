// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The helper process, which runs builtin commands. It reads them from its command pipe, each as a u32 length and words
 * as in 'X', and answers each with an i32 wait status in its status pipe.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"

#define MAX_COMMAND 60000 /* with its length it fits into an empty pipe, so that the agent never waits */

static struct helper {
	pid_t pid; /* 0 if no helper is idle */
	int command_pipe, out, err, status_pipe;
} idle;

static int read_command(uint32_t *length)
{
	return read(0, length, sizeof(*length)) == sizeof(*length) && *length <= MAX_COMMAND &&
	       read(0, payload, *length) == (ssize_t)*length;
}

static void run_helper(int command_pipe, int out, int err, int status_pipe)
{
	static char *words[MAX_ARGS];
	uint32_t length;

	setsid();
	signal(SIGCHLD, SIG_DFL);
	dup2(command_pipe, 0);
	dup2(out, 1);
	dup2(err, 2);
	dup2(status_pipe, 3);
	close_range(4, ~0U, 0);
	while (read_command(&length)) {
		int32_t status;

		split_words(payload, length, words);
		status = run_builtin(words) << 8;
		write_all(3, &status, sizeof(status));
	}
	_exit(0); /* the agent closed the command pipe */
}

static void close_helper(void)
{
	close_fd(&idle.command_pipe);
	close_fd(&idle.out);
	close_fd(&idle.err);
	close_fd(&idle.status_pipe);
	idle.pid = 0;
}

/* A helper that was reaped is not used again. */
void forget_helper(pid_t pid)
{
	if (pid == idle.pid)
		close_helper();
}

int start_helper(void)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, status[2] = { -1, -1 };
	pid_t pid = -1;

	if (!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC) && !pipe2(status, O_CLOEXEC))
		pid = fork();
	if (pid == 0)
		run_helper(in[0], out[1], err[1], status[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	close_fd(&status[1]);
	idle = (struct helper){ pid, in[1], out[0], err[0], status[0] };
	if (pid < 0) {
		close_helper();
		return -1;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	return 0;
}

void execute_builtin(uint32_t id, uint32_t length)
{
	struct iovec command[] = { { &length, sizeof(length) }, { payload, length } };
	struct job *job = new_job(id);

	if (!job) {
		send_done(id, length > MAX_COMMAND ? E2BIG : EAGAIN);
		return;
	}
	if (length > MAX_COMMAND || (!idle.pid && start_helper())) {
		fail_job(job, length > MAX_COMMAND ? E2BIG : EAGAIN);
		return;
	}
	/* The job owns the helper until the command ends, or for ever if it never does. */
	job->pid = idle.pid;
	job->command_pipe = idle.command_pipe;
	job->out = idle.out;
	job->err = idle.err;
	job->status_pipe = idle.status_pipe;
	idle.pid = 0;
	if (writev(job->command_pipe, command, 2) < 0)
		return; /* the helper was killed: reap() ends the job */
}

void finish_builtin(struct job *job)
{
	int32_t status;

	if (read(job->status_pipe, &status, sizeof(status)) != sizeof(status)) {
		close_fd(&job->status_pipe); /* the helper was killed: reap() ends the job */
		return;
	}
	forward_all(job);
	send_frame(job->id, FRAME_EXIT, &status, sizeof(status));
	if (!idle.pid && job->out >= 0 && job->err >= 0) {
		idle = (struct helper){ job->pid, job->command_pipe, job->out, job->err, job->status_pipe };
		job->command_pipe = job->out = job->err = job->status_pipe = -1;
	}
	free_job(job);
}
