// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel log, from /dev/kmsg. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

/*
 * Every read of /dev/kmsg gives one record, "priority,sequence,microseconds,flags;text\n"
 * (Documentation/ABI/testing/dev-kmsg). A frame holds many records. EPIPE means that the next records were
 * overwritten; the next read gives the oldest record that is left. The files stay open, so that a request for new
 * records need not read all records again: one for commands, one for whoever follows the log beside them.
 */
void read_log(uint32_t id)
{
	static int files[2] = { -1, -1 };
	uint64_t first, sequence;
	int fd, *file;
	size_t filled = 0;
	ssize_t n;

	memcpy(&first, payload, sizeof(first));
	file = &files[first == LOG_FOLLOW];
	if (*file < 0)
		*file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fd = *file;
	if (fd < 0) {
		send_done(id, errno);
		return;
	}
	if (first == LOG_NEW || first == LOG_FOLLOW)
		first = 0;
	else
		lseek(fd, 0, SEEK_SET);
	for (;;) {
		n = read(fd, chunk + filled, sizeof(chunk) - filled - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n < 0 && errno == EINVAL && filled > 0) {
			send_frame(id, FRAME_STDOUT, chunk, filled); /* no room for the next record */
			filled = 0;
			continue;
		}
		if (n <= 0)
			break;
		chunk[filled + n] = 0;
		if (!first || (sscanf(chunk + filled, "%*u,%" SCNu64, &sequence) == 1 && sequence >= first))
			filled += n;
	}
	if (filled > 0)
		send_frame(id, FRAME_STDOUT, chunk, filled);
	send_done(id, n < 0 && errno != EAGAIN ? errno : 0);
}
