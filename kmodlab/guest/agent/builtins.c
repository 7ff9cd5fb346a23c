// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The builtin commands. A process that already runs executes them: starting a program takes an emulated guest a tenth
 * of a second.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

static int complain(const char *format, const char *name, const char *reason)
{
	dprintf(2, format, name, reason);
	return 1;
}

/* The messages of kmod's mod_strerror (tools/insmod.c). */
static const char *insmod_error(int error)
{
	switch (error) {
	case ENOEXEC: return "Invalid module format";
	case ENOENT: return "Unknown symbol in module";
	case ESRCH: return "Module has wrong symbol version";
	case EINVAL: return "Invalid parameters";
	}
	return strerror(error);
}

static int insmod(char **argv)
{
	static char parameters[MAX_PAYLOAD];
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC), error = errno;
	size_t length = 0;

	if (fd < 0)
		return complain("insmod: ERROR: could not load module %s: %s\n", argv[1], strerror(error));
	parameters[0] = 0;
	for (char **word = argv + 2; *word; word++)
		length += sprintf(parameters + length, "%s%s", length ? " " : "", *word);
	error = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return error ? complain("insmod: ERROR: could not insert module %s: %s\n", argv[1], insmod_error(error)) : 0;
}

static int rmmod(char **argv)
{
	if (!syscall(SYS_delete_module, argv[1], O_NONBLOCK))
		return 0;
	if (errno == ENOENT)
		return complain("rmmod: ERROR: Module %s is not currently loaded%s\n", argv[1], "");
	if (errno == EAGAIN)
		return complain("rmmod: ERROR: Module %s is in use%s\n", argv[1], "");
	return complain("rmmod: ERROR: could not remove module %s: %s\n", argv[1], strerror(errno));
}

static int cat(char **argv)
{
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC), error = errno;
	ssize_t n;

	if (fd < 0)
		return complain("cat: can't open '%s': %s\n", argv[1], strerror(error));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		write_all(1, chunk, n);
	error = errno;
	close(fd);
	return n < 0 ? complain("cat: %s: %s\n", argv[1], strerror(error)) : 0;
}

static int show_stacks(char **argv)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	(void)argv;
	while (processes && (entry = readdir(processes))) {
		char status[300], stack[300];

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(status, sizeof(status), "/proc/%s/stat", entry->d_name);
		snprintf(stack, sizeof(stack), "/proc/%s/stack", entry->d_name);
		cat((char *[]){ "cat", status });
		cat((char *[]){ "cat", stack });
	}
	if (processes)
		closedir(processes);
	return 0;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "directory";
	case S_IFCHR: return "character special file";
	case S_IFBLK: return "block special file";
	case S_IFLNK: return "symbolic link";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	}
	return "regular file";
}

static int show_stat(char **argv)
{
	char target[4096];
	struct stat info;
	ssize_t n;

	if (lstat(argv[1], &info))
		return complain("stat: can't stat '%s': %s\n", argv[1], strerror(errno));
	dprintf(1, "%o %s\n", info.st_mode & 07777, kind_of(info.st_mode));
	if ((n = readlink(argv[1], target, sizeof(target))) >= 0)
		dprintf(1, "%.*s\n", (int)n, target);
	return 0;
}

/* `words` holds the directory, the command and its arguments; returns an exit status as a shell's. */
int run_builtin(char **words)
{
	static const struct {
		const char *name;
		int (*run)(char **argv);
	} commands[] = { { "insmod", insmod }, { "rmmod", rmmod }, { "cat", cat }, { "stat", show_stat },
			 { "stacks", show_stacks }, { "jump", jump } };

	if (!words[0] || !words[1] || chdir(words[0]))
		return 126;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, words[1]))
			continue;
		prctl(PR_SET_NAME, words[1]); /* the kernel's log messages name the current process */
		return commands[i].run(words + 1);
	}
	return 127;
}
