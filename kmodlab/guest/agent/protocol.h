/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol between host and guest agent: a stream of frames, with the same form in both directions (little-endian).
 *
 *     u32 length of the payload (at most 65536) | u32 id | u8 type | payload
 *
 * The id names the request; every answer carries the id of its request. Host to guest:
 *
 *     'H' hello    u64 unix time in nanoseconds, then entropy; answered by 'h' with the same payload
 *     'X' execute  directory NUL argv[0] NUL argv[1] NUL ...; stdout and stderr are sent apart
 *     'T' terminal payload as in 'X'; the command runs on a terminal of its own (stdout only)
 *     'O' builtin  payload as in 'X'; one of the commands below, without standard input
 *     'I' input    bytes for the standard input of 'X' and 'T' or for the file of 'W'; empty: end of input
 *     'K' kill     u8 signal for the command's process group
 *     'Z' size     u16 rows, u16 columns of the terminal of 'T'
 *     'W' write    u32 mode, then the path; the file's content follows in 'I' frames
 *     'R' read     the path of a regular file
 *     'L' log      u64 sequence number of the first /dev/kmsg record to send; LOG_NEW: records not sent before;
 *                  LOG_FOLLOW: records that LOG_FOLLOW has not sent before
 *
 * Guest to host: 'o' stdout or file bytes, 'e' stderr bytes, and, once and last for each request,
 * 'x' with the i32 wait status of a command, or 'd' with an i32 that is 0 or an errno.
 *
 * The builtin commands do what kmod's and busybox's commands of that name do, with the same error messages:
 *
 *     insmod FILE [PARAMETER=VALUE ...], rmmod NAME, cat PATH
 *     stat PATH    a line with permissions and kind, as "644 regular file"; a link's target in the next line
 *
 * and two of our own:
 *
 *     stacks       /proc/PID/stat and /proc/PID/stack of every process
 *     jump MS      lets the guest's clock jump ahead by so many milliseconds (jump.c)
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#define MAX_PAYLOAD 65536
#define LOG_NEW UINT64_MAX
#define LOG_FOLLOW (UINT64_MAX - 1)

enum frame_type {
	FRAME_HELLO = 'H',
	FRAME_EXECUTE = 'X',
	FRAME_TERMINAL = 'T',
	FRAME_BUILTIN = 'O',
	FRAME_INPUT = 'I',
	FRAME_KILL = 'K',
	FRAME_SIZE = 'Z',
	FRAME_WRITE = 'W',
	FRAME_READ = 'R',
	FRAME_LOG = 'L',

	FRAME_HELLO_ANSWER = 'h',
	FRAME_STDOUT = 'o',
	FRAME_STDERR = 'e',
	FRAME_EXIT = 'x',
	FRAME_DONE = 'd',
};

struct __attribute__((packed)) frame_header {
	uint32_t length;
	uint32_t id;
	uint8_t type;
};

#endif
