// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames through the port: sent and received whole. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

int port;
char payload[MAX_PAYLOAD + 1];
char chunk[MAX_PAYLOAD];

void write_all(int fd, const void *data, size_t length)
{
	const char *position = data;

	while (length > 0) {
		ssize_t n = write(fd, position, length);

		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			/* No host is connected; after a restore one may come back on the same port. */
			sleep(1);
		} else if (n > 0) {
			position += n;
			length -= n;
		}
	}
}

void send_frame(uint32_t id, enum frame_type type, const void *data, uint32_t length)
{
	static char frame[sizeof(struct frame_header) + MAX_PAYLOAD];
	struct frame_header header = { length, id, type };

	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), data, length);
	write_all(port, frame, sizeof(header) + length);
}

void send_done(uint32_t id, int32_t error)
{
	send_frame(id, FRAME_DONE, &error, sizeof(error));
}

/* Returns 0 if no host is connected: the port then reads as end-of-file, but a host may come back. */
static int read_all(void *data, size_t length)
{
	size_t filled = 0;

	while (filled < length) {
		ssize_t n = read(port, (char *)data + filled, length - filled);

		if (n > 0) {
			filled += n;
		} else if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = port, .events = POLLIN }, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return 0;
		} else if (n == 0) {
			if (filled == 0)
				return 0;
			usleep(10000);
		}
	}
	return 1;
}

/* Fills `header` and `payload`; returns 0 if there is no whole frame. */
int receive_frame(struct frame_header *header)
{
	return read_all(header, sizeof(*header)) && header->length <= MAX_PAYLOAD && read_all(payload, header->length);
}
