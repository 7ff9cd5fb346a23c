// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compiler wrapper that replays cached results of kbuild's cc-option probes.
 *
 * kbuild asks some thirty times whether the compiler knows an option, by compiling /dev/null with it (cc-option in
 * scripts/Makefile.compiler). The answers depend on the command line and the compiler alone, and take two thirds of the
 * time of a small module's build. Those that were written down beside this program are given at once; everything else
 * goes to the compiler itself.
 *
 * An answer is u32 exit status, u32 length, and the words of the command line, each with a NUL behind it, but for the
 * first word and the last, the compiler's name and a temporary file's. With KMODLAB_WRITE_DOWN in the environment, the
 * name of a file, questions are put to the compiler, and its answers are added there.
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

struct answer {
	uint32_t status, length;
	char words[];
};

static int is_question(int count, char **words)
{
	if (count < ENDING + 2)
		return 0;
	for (int i = 0; i < ENDING; i++)
		if (strcmp(words[count - 1 - ENDING + i], ending[i]))
			return 0;
	return 1;
}

/* The question as it stands in an answer; NULL where there is no memory for it. */
static struct answer *put_question(int count, char **words)
{
	struct answer *asked;
	size_t length = 0;

	for (int i = 1; i < count - 1; i++)
		length += strlen(words[i]) + 1;
	asked = malloc(sizeof(*asked) + length);
	if (!asked)
		return NULL;
	asked->length = 0;
	for (int i = 1; i < count - 1; i++) {
		strcpy(asked->words + asked->length, words[i]);
		asked->length += strlen(words[i]) + 1;
	}
	return asked;
}

/* The exit status that was written down; -1 where there is none. */
static int find_answer(const struct answer *asked)
{
	int fd = open(ANSWERS, O_RDONLY | O_CLOEXEC);
	struct stat found;
	const char *at, *end;

	if (fd < 0 || fstat(fd, &found) || found.st_size == 0)
		return -1;
	at = mmap(NULL, found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	for (end = at + found.st_size; end - at >= (ssize_t)sizeof(struct answer);) {
		struct answer head;

		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		if (head.length > end - at)
			return -1;
		if (head.length == asked->length && !memcmp(at, asked->words, head.length))
			return head.status;
		at += head.length;
	}
	return -1;
}

static int ask(char **words, struct answer *asked, const char *file)
{
	pid_t child = fork();
	int status, fd;

	if (child == 0) {
		execv(COMPILER, words);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 127;
	asked->status = WEXITSTATUS(status);
	fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, asked, sizeof(*asked) + asked->length) < 0)
		return 127;
	return asked->status;
}

int main(int count, char **words)
{
	const char *file = getenv("KMODLAB_WRITE_DOWN");
	struct answer *asked = is_question(count, words) ? put_question(count, words) : NULL;
	int status = asked && !file ? find_answer(asked) : -1;

	if (status >= 0)
		return status;
	words[0] = COMPILER; /* gcc looks for its parts from where it was found, and by its bare name it would find us */
	if (asked && file)
		return ask(words, asked, file);
	execv(COMPILER, words);
	return 127;
}
