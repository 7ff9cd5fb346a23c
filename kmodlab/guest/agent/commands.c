// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that the agent starts: on pipes or on a terminal, until their end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>

#include "agent.h"

static void run_program(char **argv, const char *directory, const int ends[3])
{
	static char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
				       "TERM=linux", "PS1=guest # ", NULL };
	int error;

	setsid();
	if (isatty(ends[0]))
		ioctl(ends[0], TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(ends[i], i);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	/* Programs run as root, but must not read the agent's memory, which holds the ids of requests. */
	prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0);
	if (chdir(directory) == 0)
		execvpe(argv[0], argv, environment);
	error = errno;
	dprintf(2, "%s: %s\n", argv[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* Both openers keep one side of each stream in the job, and give the program's sides in `ends`. */
static int open_pipes(struct job *job, int ends[3])
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -1;
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
	ends[0] = in[0];
	ends[1] = out[1];
	ends[2] = err[1];
	return 0;
}

static int open_terminal(struct job *job, int ends[3])
{
	int unlock = 0, master = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY), slave;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		return -1;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0)
		return -1;
	job->out = master;
	job->in = dup(master);
	ends[0] = slave;
	ends[1] = dup(slave);
	ends[2] = dup(slave);
	return 0;
}

int split_words(char *text, uint32_t length, char **words)
{
	int count = 0;

	text[length] = 0;
	for (char *word = text; word < text + length && count < MAX_ARGS - 1; word += strlen(word) + 1)
		words[count++] = word;
	words[count] = NULL;
	return count;
}

void execute(uint32_t id, uint32_t length, int on_terminal)
{
	static char *words[MAX_ARGS];
	int ends[3] = { -1, -1, -1 }, error;
	struct job *job = new_job(id);

	if (!job) {
		send_done(id, EAGAIN);
		return;
	}
	if (split_words(payload, length, words) < 2) {
		fail_job(job, EINVAL);
		return;
	}
	if (on_terminal ? open_terminal(job, ends) : open_pipes(job, ends)) {
		fail_job(job, errno);
		return;
	}
	job->pid = fork();
	if (job->pid == 0)
		run_program(words + 1, words[0], ends);
	error = errno;
	for (int i = 0; i < 3; i++)
		close(ends[i]);
	if (job->pid < 0) {
		fail_job(job, error);
		return;
	}
	fcntl(job->in, F_SETFL, O_NONBLOCK);
	fcntl(job->out, F_SETFL, O_NONBLOCK);
	if (job->err >= 0)
		fcntl(job->err, F_SETFL, O_NONBLOCK);
}

void resize(struct job *job)
{
	uint16_t size[2];
	struct winsize window = { 0 };

	memcpy(size, payload, sizeof(size));
	window.ws_row = size[0];
	window.ws_col = size[1];
	ioctl(job->out, TIOCSWINSZ, &window);
}

/*
 * A command ends with its own process, not with the last process that holds its pipes: the host must not wait for a
 * daemon that runs on in the background.
 */
void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		forget_helper(pid);
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];

			if (!job->used || job->pid != pid)
				continue;
			forward_all(job);
			send_frame(job->id, FRAME_EXIT, &status, sizeof(status));
			free_job(job);
		}
	}
}
