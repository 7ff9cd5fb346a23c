// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two threads that use a device file at the same time, as two programs would: two-programs /dev/notice
 *
 * While the driver copies the first program's text, it reaches a page of that program's memory that is still missing
 * (userfaultfd(2)), so the driver waits in the middle of its work. Then the second program uses the file: it ends, or
 * it sleeps because it waits for the first. Then the page is delivered. So each run has the same order of events.
 *
 * It prints "whole" if no reader got a mixture of texts; otherwise a line with the problem and its values.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096
#define ROOM 64
#define BEFORE 12 /* bytes of each interrupted text that are in the present page */

static const char OLD[] = "old old old old old old.", FIRST[] = "the first program's notice, and no other",
		  SECOND[] = "the second program's notice, longer than the others are.";

struct program {
	const char *path;
	const char *writes; /* or NULL: it reads */
	char *memory;
	ssize_t result;
	int error, thread;
	atomic_bool begun;
	int done[2]; /* a pipe that is closed at the end */
};

static int faults; /* the userfaultfd */

static void finish(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	putchar('\n');
	fflush(stdout);
	_exit(0);
}

static void give_up(const char *what)
{
	perror(what);
	_exit(1);
}

static int open_file(const char *path)
{
	int file = open(path, O_RDWR);

	if (file < 0)
		finish("open-failed\t%d", errno);
	return file;
}

static void *run(void *argument)
{
	struct program *program = argument;
	int file = open_file(program->path);

	program->thread = syscall(SYS_gettid);
	atomic_store(&program->begun, true);
	errno = 0;
	if (program->writes)
		program->result = write(file, program->memory, strlen(program->writes));
	else
		program->result = read(file, program->memory, ROOM);
	program->error = errno;
	close(file);
	close(program->done[1]);
	return NULL;
}

static pthread_t start(struct program *program)
{
	pthread_t thread;

	if (pipe(program->done) || pthread_create(&thread, NULL, run, program))
		give_up("thread");
	return thread;
}

static int is_ready(int file, int milliseconds)
{
	struct pollfd wanted = { .fd = file, .events = POLLIN };

	return poll(&wanted, 1, milliseconds) > 0;
}

/* R: it runs; D, S: it sleeps. */
static char state_of(int thread)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	file = fopen(path, "r");
	if (!file)
		return 'X';
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return strrchr(line, ')') ? strrchr(line, ')')[2] : 'X';
}

static void await_end_or_sleep(struct program *program)
{
	int asleep = 0;

	while (asleep < 5 && !is_ready(program->done[0], 2)) {
		char state = atomic_load(&program->begun) ? state_of(program->thread) : 'R';

		asleep = state == 'D' || state == 'S' ? asleep + 1 : 0;
	}
}

/* Memory whose second page is delivered later; `content` begins BEFORE bytes in front of it. */
static char *map_late(const char *content)
{
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		give_up("mmap");
	memset(pages, 0, PAGE);
	memcpy(pages + PAGE - BEFORE, content, BEFORE);
	area.range.start = (unsigned long)pages + PAGE;
	area.range.len = PAGE;
	if (ioctl(faults, UFFDIO_REGISTER, &area))
		give_up("UFFDIO_REGISTER");
	return pages + PAGE - BEFORE;
}

static void deliver(char *memory, const char *content)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_copy copy = { .dst = (unsigned long)memory + BEFORE, .src = (unsigned long)page, .len = PAGE };

	memset(page, 0, PAGE);
	strcpy(page, content + BEFORE);
	if (ioctl(faults, UFFDIO_COPY, &copy) && errno != EEXIST)
		give_up("UFFDIO_COPY");
}

/* `first` runs; while it waits for its memory, `second` runs. */
static void interrupt(struct program *first, struct program *second)
{
	const char *content = first->writes ? first->writes : "            "; /* at least BEFORE bytes */
	struct pollfd wanted[2] = { { .fd = faults, .events = POLLIN }, { .events = POLLIN } };
	struct uffd_msg message;
	pthread_t threads[2];

	first->memory = map_late(content);
	threads[0] = start(first);
	wanted[1].fd = first->done[0];
	poll(wanted, 2, -1);
	threads[1] = start(second);
	await_end_or_sleep(second);
	if (read(faults, &message, sizeof(message)) > 0)
		deliver(first->memory, content);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

/* Write a notice while no other program uses the file. */
static void put(const char *path, const char *text)
{
	int file = open_file(path);
	ssize_t result = write(file, text, strlen(text));

	if (result != (ssize_t)strlen(text))
		finish("write-alone\t%zd\t%zu", result < 0 ? -errno : result, strlen(text));
	close(file);
}

/* Everything that a program reads while no other program uses the file. */
static char *get(const char *path)
{
	static char text[4 * ROOM];
	int file = open_file(path);
	size_t length = 0;
	ssize_t result;

	do {
		result = read(file, text + length, sizeof(text) - 1 - length);
		length += result > 0 ? result : 0;
	} while (result > 0 && length < sizeof(text) - 1);
	text[length] = 0;
	close(file);
	return text;
}

static void expect_done(const struct program *program, const char *what)
{
	if (program->result < 0)
		finish("%s-failed\t%d", what, program->error);
	if (program->writes && program->result != (ssize_t)strlen(program->writes))
		finish("write-alone\t%zd\t%zu", program->result, strlen(program->writes));
}

/* A driver may return less than requested, but it must be the beginning of a notice. */
static void expect_one_of(const struct program *reader, const char *one, const char *other)
{
	if (strncmp(reader->memory, one, reader->result) && strncmp(reader->memory, other, reader->result))
		finish("mixture\t%.*s", (int)reader->result, reader->memory);
}

static void expect_board(const char *path, const char *one, const char *other)
{
	const char *text = get(path);

	if (strcmp(text, one) && strcmp(text, other))
		finish("board\t%s", text);
}

static void try_bad_pointers(const char *path)
{
	char *nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int file = open_file(path);

	put(path, OLD);
	if (read(file, nowhere, sizeof(OLD)) > 0)
		finish("bad-read");
	if (write(file, nowhere, sizeof(OLD)) > 0)
		finish("bad-write");
	close(file);
	/* A lock that is still held would make these wait. */
	put(path, FIRST);
	expect_board(path, FIRST, FIRST);
}

static void try_together(const char *path)
{
	char memory[ROOM];
	struct program writer = { .path = path, .writes = FIRST }, reader = { .path = path, .memory = memory };
	struct program late = { .path = path, .writes = SECOND, .memory = (char *)SECOND };

	put(path, OLD);
	interrupt(&writer, &reader);
	expect_done(&writer, "write");
	expect_done(&reader, "read");
	expect_one_of(&reader, OLD, FIRST);
	expect_board(path, FIRST, FIRST);

	put(path, OLD);
	writer = (struct program){ .path = path, .writes = FIRST };
	interrupt(&writer, &late);
	expect_done(&writer, "write");
	expect_done(&late, "write");
	expect_board(path, FIRST, SECOND);

	put(path, FIRST);
	reader = (struct program){ .path = path };
	late = (struct program){ .path = path, .writes = SECOND, .memory = (char *)SECOND };
	interrupt(&reader, &late);
	expect_done(&reader, "read");
	expect_done(&late, "write");
	expect_one_of(&reader, FIRST, SECOND);
	expect_board(path, SECOND, SECOND);
}

int main(int count, char **arguments)
{
	struct uffdio_api api = { .api = UFFD_API };
	int setting = open("/proc/sys/vm/unprivileged_userfaultfd", O_WRONLY);

	/* The agent's programs do not have CAP_SYS_PTRACE, without which this is not allowed otherwise. */
	if (count != 2 || setting < 0 || write(setting, "1", 1) != 1)
		give_up("userfaultfd");
	faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api))
		give_up("userfaultfd");
	try_together(arguments[1]);
	try_bad_pointers(arguments[1]);
	finish("whole");
}
