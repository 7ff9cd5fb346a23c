// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest agent: runs commands, transfers files, sends the kernel log. `protocol.h` describes how the host asks for it.
 *
 *     agent PORT      PORT is the virtio-serial port's device file
 *     agent -N        the protocol on the open descriptor N
 *
 * As PID 1 it forks a child that does the work, and only reaps orphans. When the child ends, PID 1 ends too, which
 * panics the kernel, and QEMU tells the host: no other process can answer in the agent's place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define MAX_FDS (2 + 4 * MAX_JOBS)

static int in_guest; /* only a guest's agent may change the clock and the random pool */
static int child_pipe[2]; /* gets a byte when a child ends */

static void handle_frame(const struct frame_header *header)
{
	struct job *job = find_job(header->id);

	switch (header->type) {
	case FRAME_HELLO: hello(header->id, header->length, in_guest); break;
	case FRAME_EXECUTE: execute(header->id, header->length, 0); break;
	case FRAME_TERMINAL: execute(header->id, header->length, 1); break;
	case FRAME_BUILTIN: execute_builtin(header->id, header->length); break;
	case FRAME_WRITE: open_file(header->id, header->length); break;
	case FRAME_READ: read_file(header->id, header->length); break;
	case FRAME_LOG: read_log(header->id); break;
	case FRAME_INPUT: if (job) take_input(job, header->length); break;
	case FRAME_KILL: if (job && job->pid > 0) kill(-job->pid, payload[0]); break;
	case FRAME_SIZE: if (job) resize(job); break;
	}
}

/* Adds the descriptors that a job waits for; returns the new count. */
static int add_fds(const struct job *job, struct pollfd *fds, int count)
{
	if (job->in >= 0 && (job->input_length || job->input_ended))
		fds[count++] = (struct pollfd){ job->in, POLLOUT, 0 };
	if (job->out >= 0)
		fds[count++] = (struct pollfd){ job->out, POLLIN, 0 };
	if (job->err >= 0)
		fds[count++] = (struct pollfd){ job->err, POLLIN, 0 };
	if (job->status_pipe >= 0)
		fds[count++] = (struct pollfd){ job->status_pipe, POLLIN, 0 };
	return count;
}

static void handle_fd(struct job *job, int fd)
{
	if (fd == job->in)
		feed(job);
	else if (fd == job->out)
		forward(job, &job->out, FRAME_STDOUT);
	else if (fd == job->err)
		forward(job, &job->err, FRAME_STDERR);
	else if (fd == job->status_pipe)
		finish_builtin(job);
}

static void handle_child_ends(void)
{
	char drain[64];

	while (read(child_pipe[0], drain, sizeof(drain)) > 0)
		;
	reap();
}

static void serve(void)
{
	for (;;) {
		struct pollfd fds[MAX_FDS] = { { port, POLLIN, 0 }, { child_pipe[0], POLLIN, 0 } };
		struct job *owners[MAX_FDS] = { 0 };
		struct frame_header header;
		int count = 2;

		for (int i = 0; i < MAX_JOBS; i++) {
			int first = count;

			if (!jobs[i].used || jobs[i].pid == 0)
				continue;
			count = add_fds(&jobs[i], fds, count);
			for (int n = first; n < count; n++)
				owners[n] = &jobs[i];
		}
		if (poll(fds, count, -1) < 0)
			continue;
		for (int i = 2; i < count; i++)
			if (fds[i].revents)
				handle_fd(owners[i], fds[i].fd);
		if (fds[1].revents)
			handle_child_ends();
		if (fds[0].revents & POLLIN) {
			if (receive_frame(&header))
				handle_frame(&header);
		} else if (fds[0].revents & (POLLHUP | POLLERR)) {
			usleep(10000); /* no host is connected to the port */
		}
	}
}

static void on_child(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	if (write(child_pipe[1], "", 1) < 0) {
		/* The pipe is full: the reader will look anyway. */
	}
	errno = saved;
}

/* The kernel panics when its first process ends: nobody can replace a worker that was killed. */
static void reap_orphans(pid_t worker)
{
	for (;;) {
		pid_t pid = waitpid(-1, NULL, 0);

		if (pid == worker)
			_exit(1);
		if (pid < 0)
			sleep(1);
	}
}

int main(int argc, char **argv)
{
	pid_t worker;

	if (argc != 2)
		return 2;
	if (getpid() == 1 && (worker = fork()) > 0)
		reap_orphans(worker);
	in_guest = argv[1][0] != '-';
	port = in_guest ? open(argv[1], O_RDWR | O_CLOEXEC) : atoi(argv[1] + 1);
	if (port < 0 || pipe2(child_pipe, O_CLOEXEC | O_NONBLOCK))
		return 1;
	fcntl(port, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child, .sa_flags = SA_RESTART }, NULL);
	start_helper();
	serve();
}
