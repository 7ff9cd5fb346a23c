// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lets the guest's clock jump ahead, so that what is due later happens now: timers, delayed work, sleeps.
 *
 * The kernel is made to take the time from the HPET, whose counter can be set while it is halted (IA-PC HPET
 * Specification 1.0a, 2.3.7 Main Counter Register). Both clocks of the kernel, jiffies and hrtimers, follow it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent.h"

#define HPET_ADDRESS 0xfed00000
#define PAGE 4096
/* Registers, as indexes of 32-bit words (2.3.1): the clock's period in femtoseconds, configuration, counter. */
enum { PERIOD = 1, CONFIGURATION = 4, COUNTER = 60 };
#define ENABLE 1u
#define FEMTOSECONDS_IN_MS 1000000000000ull
/* After each step of guest time, the processor is idle for a moment: two ticks of the kernel, for what is due. */
#define STEP_MS 500
#define IDLE_US 9000
#define LONGEST_WAIT_MS 1000
#define CLOCK_SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

static void *map(const char *device, off_t address)
{
	int fd = open(device, O_RDWR | O_SYNC | O_CLOEXEC);
	void *mapped = MAP_FAILED;

	if (fd >= 0)
		mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address);
	close_fd(&fd);
	return mapped == MAP_FAILED ? NULL : mapped;
}

/* Which of the devices can be mapped depends on the kernel's configuration: HPET_MMAP, IO_STRICT_DEVMEM. */
static volatile uint32_t *map_hpet(void)
{
	int source = open(CLOCK_SOURCE, O_WRONLY | O_CLOEXEC);
	int is_source = source >= 0 && write(source, "hpet", 4) == 4;
	void *mapped = is_source ? map("/dev/hpet", 0) : NULL;

	close_fd(&source);
	return mapped || !is_source ? mapped : map("/dev/mem", HPET_ADDRESS);
}

static void advance(volatile uint32_t *hpet, unsigned int ms)
{
	uint32_t configuration = hpet[CONFIGURATION];
	uint64_t counter;

	hpet[CONFIGURATION] = configuration & ~ENABLE;
	counter = ((uint64_t)hpet[COUNTER + 1] << 32 | hpet[COUNTER]) + ms * FEMTOSECONDS_IN_MS / hpet[PERIOD];
	hpet[COUNTER] = counter;
	hpet[COUNTER + 1] = counter >> 32;
	hpet[CONFIGURATION] = configuration;
}

/* Without an HPET it takes as long as it says, but not more than a second. */
int jump(char **argv)
{
	long left = argv[1] ? atol(argv[1]) : 0;
	volatile uint32_t *hpet = map_hpet();

	if (!hpet && left > LONGEST_WAIT_MS)
		left = LONGEST_WAIT_MS;
	for (; left > 0; left -= STEP_MS) {
		if (hpet)
			advance(hpet, left < STEP_MS ? left : STEP_MS);
		usleep(hpet ? IDLE_US : STEP_MS * 1000);
	}
	if (hpet)
		munmap((void *)hpet, PAGE);
	return 0;
}
