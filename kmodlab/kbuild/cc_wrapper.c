// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiler wrapper that replays cached results of kbuild's cc-option probes.
 *
 * To learn which options the compiler knows, kbuild compiles /dev/null about thirty times in every build (cc-option in
 * scripts/Makefile.compiler). The result of such a probe depends on its command line and the compiler alone, and all of
 * them take two thirds of the time of a small module's build. Results that the file ANSWERS holds are replayed; every
 * other command line goes to the compiler.
 *
 * A recorded probe is u32 exit status, u32 length, and the words of its command line, each followed by a NUL, without
 * the first word (the compiler's name) and the last (a temporary file's). If KMODLAB_RECORD names a file, probes go to
 * the compiler, and their results are appended to that file.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const ending[] = { "-c", "-x", "c", "/dev/null", "-o" };
#define ENDING ((int)(sizeof(ending) / sizeof(*ending)))

struct probe {
	uint32_t status, length;
	char words[];
};

static int is_probe(int count, char **words)
{
	if (count < ENDING + 2)
		return 0;
	for (int i = 0; i < ENDING; i++)
		if (strcmp(words[count - 1 - ENDING + i], ending[i]))
			return 0;
	return 1;
}

/* A probe as it is recorded, without its status; NULL if there is no memory. */
static struct probe *pack_probe(int count, char **words)
{
	struct probe *probe;
	size_t length = 0;

	for (int i = 1; i < count - 1; i++)
		length += strlen(words[i]) + 1;
	probe = malloc(sizeof(*probe) + length);
	if (!probe)
		return NULL;
	probe->length = 0;
	for (int i = 1; i < count - 1; i++) {
		strcpy(probe->words + probe->length, words[i]);
		probe->length += strlen(words[i]) + 1;
	}
	return probe;
}

/* The recorded exit status; -1 if there is none. */
static int find_status(const struct probe *probe)
{
	int fd = open(ANSWERS, O_RDONLY | O_CLOEXEC);
	struct stat about;
	const char *at, *end;

	if (fd < 0 || fstat(fd, &about) || about.st_size == 0)
		return -1;
	at = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	for (end = at + about.st_size; end - at >= (ssize_t)sizeof(struct probe);) {
		struct probe head;

		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		if (head.length > end - at)
			return -1;
		if (head.length == probe->length && !memcmp(at, probe->words, head.length))
			return head.status;
		at += head.length;
	}
	return -1;
}

static int run_probe(char **words, struct probe *probe, const char *file)
{
	pid_t child = fork();
	int status, fd;

	if (child == 0) {
		execv(COMPILER, words);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 127;
	probe->status = WEXITSTATUS(status);
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, probe, sizeof(*probe) + probe->length) < 0)
		return 127;
	return probe->status;
}

int main(int count, char **words)
{
	const char *file = getenv("KMODLAB_RECORD");
	struct probe *probe = is_probe(count, words) ? pack_probe(count, words) : NULL;
	int status = probe && !file ? find_status(probe) : -1;

	if (status >= 0)
		return status;
	words[0] = COMPILER; /* gcc looks for its parts beside its own path; its bare name leads to this program */
	if (probe && file)
		return run_probe(words, probe, file);
	execv(COMPILER, words);
	return 127;
}
