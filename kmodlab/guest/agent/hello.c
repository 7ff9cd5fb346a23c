// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host's greeting sets the clock and the random pool: after a restore, all forks of a snapshot hold the same random
 * state and the snapshot's time. RNDADDENTROPY mixes the host's bytes in, RNDRESEEDCRNG makes the kernel use them at
 * once (random(4)).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <linux/random.h>

#include "agent.h"

void hello(uint32_t id, uint32_t length, int in_guest)
{
	struct {
		struct rand_pool_info info;
		char bytes[64];
	} pool = { .info = { .entropy_count = 512, .buf_size = 64 } };
	uint64_t now = 0;
	int random = in_guest ? open("/dev/urandom", O_WRONLY | O_CLOEXEC) : -1;

	if (length >= sizeof(now))
		memcpy(&now, payload, sizeof(now));
	if (random >= 0 && length >= sizeof(now) + sizeof(pool.bytes)) {
		memcpy(pool.info.buf, payload + sizeof(now), sizeof(pool.bytes));
		ioctl(random, RNDADDENTROPY, &pool);
		ioctl(random, RNDRESEEDCRNG);
	}
	close_fd(&random);
	if (now && in_guest)
		clock_settime(CLOCK_REALTIME, &(struct timespec){ now / 1000000000, now % 1000000000 });
	send_frame(id, FRAME_HELLO_ANSWER, payload, length);
}
