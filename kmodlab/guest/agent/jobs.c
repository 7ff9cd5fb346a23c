// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of requests in progress, and what flows between the host and their pipes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

struct job jobs[MAX_JOBS];

struct job *find_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].used && jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

struct job *new_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		if (jobs[i].used)
			continue;
		jobs[i] = (struct job){ .used = 1, .id = id, .in = -1, .out = -1, .err = -1,
					.command_pipe = -1, .status_pipe = -1 };
		return &jobs[i];
	}
	return NULL;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void free_job(struct job *job)
{
	close_fd(&job->in);
	close_fd(&job->out);
	close_fd(&job->err);
	close_fd(&job->command_pipe);
	close_fd(&job->status_pipe);
	free(job->input);
	job->used = 0;
}

void fail_job(struct job *job, int error)
{
	send_done(job->id, error);
	free_job(job);
}

/* Sends what a command printed on one descriptor; returns 0 if there is nothing more to read now. */
int forward(struct job *job, int *fd, enum frame_type type)
{
	ssize_t n = *fd < 0 ? 0 : read(*fd, chunk, sizeof(chunk));

	if (n > 0)
		send_frame(job->id, type, chunk, n);
	else if (n == 0 || errno != EAGAIN)
		close_fd(fd); /* a terminal gives EIO after its other side was closed */
	return n > 0;
}

void forward_all(struct job *job)
{
	while (forward(job, &job->out, FRAME_STDOUT))
		;
	while (forward(job, &job->err, FRAME_STDERR))
		;
}

/* Writes to a command's standard input as much as its pipe takes now. */
void feed(struct job *job)
{
	ssize_t n = write(job->in, job->input, job->input_length);

	if (n < 0 && errno != EAGAIN) {
		job->input_length = 0; /* the command closed its input: nobody will read the rest */
		job->input_ended = 1;
	} else if (n > 0) {
		memmove(job->input, job->input + n, job->input_length - n);
		job->input_length -= n;
	}
	if (job->input_length == 0 && job->input_ended)
		close_fd(&job->in);
}

void take_input(struct job *job, uint32_t length)
{
	if (job->pid == 0) {
		write_file(job, length);
		return;
	}
	if (length == 0) {
		job->input_ended = 1;
	} else {
		char *larger = realloc(job->input, job->input_length + length);

		if (!larger)
			return;
		job->input = larger;
		memcpy(job->input + job->input_length, payload, length);
		job->input_length += length;
	}
	if (job->in >= 0)
		feed(job);
}
