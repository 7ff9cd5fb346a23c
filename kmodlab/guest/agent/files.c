// SPDX-License-Identifier: GPL-2.0-or-later
/* Files from and to the host. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

/* Errors are kept in the job: the host hears of them when it has sent the whole content. */
void open_file(uint32_t id, uint32_t length)
{
	struct job *job = new_job(id);
	uint32_t mode;

	if (!job) {
		send_done(id, EAGAIN);
		return;
	}
	if (length <= sizeof(mode)) {
		fail_job(job, EINVAL);
		return;
	}
	memcpy(&mode, payload, sizeof(mode));
	payload[length] = 0;
	job->in = open(payload + sizeof(mode), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (job->in < 0 || fchmod(job->in, mode & 07777))
		job->error = errno;
}

void write_file(struct job *job, uint32_t length)
{
	const char *position = payload;

	if (length == 0) {
		send_done(job->id, job->error);
		free_job(job);
		return;
	}
	while (length > 0 && !job->error) {
		ssize_t n = write(job->in, position, length);

		if (n < 0)
			job->error = errno;
		else
			position += n, length -= n;
	}
}

void read_file(uint32_t id, uint32_t length)
{
	ssize_t n;
	int fd;

	payload[length] = 0;
	fd = open(payload, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		send_done(id, errno);
		return;
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		send_frame(id, FRAME_STDOUT, chunk, n);
	send_done(id, n < 0 ? errno : 0);
	close(fd);
}
