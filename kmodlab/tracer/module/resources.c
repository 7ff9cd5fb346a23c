// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists what is registered in the guest: names in /dev, /sys, /proc and debugfs, and a few lists of /proc.
 *
 * They are read when exit has returned or init has failed, before the module's memory is freed: what the module forgot
 * to unregister is still intact then. Reading it later may crash the kernel. `find` and `cat` would take ten times as
 * long.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "tracer.h"

#define CAPACITY (512 << 10)

static const char *const lists[] = {
	"/proc/devices", "/proc/filesystems", "/proc/iomem", "/proc/ioports",
};

static const struct {
	const char *path;
	int depth; /* how many levels of folders below it are listed */
} roots[] = {
	{ "/dev", 2 },		    { "/sys/class", 1 }, { "/sys/bus", 2 },	 { "/sys/devices", 2 }, { "/sys/kernel", 1 },
	{ "/sys/fs", 1 },	    { "/sys/firmware", 1 }, { "/proc", 2 },	 { "/proc/sys", 2 },
	{ "/sys/kernel/debug", 2 },
};

static char *text;
static size_t length;
static bool is_fresh; /* the lists were read after they were last printed */

int make_resources(void)
{
	text = vmalloc(CAPACITY);
	return text ? 0 : -ENOMEM;
}

static void __printf(1, 2) add(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	length += vscnprintf(text + length, CAPACITY - length, format, arguments);
	va_end(arguments);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

struct folder {
	struct list_head list;
	char name[64];
};

struct walk {
	struct dir_context context;
	const char *path;
	int depth;
	struct list_head folders;
};

static bool is_one_of(const char *name, int size, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == size && !strncmp(name, *names, size))
			return true;
	return false;
}

/* Processes start and end, some entries are roots of their own or the tracer's, and some folders are too large. */
static bool is_excluded(const char *path, const char *name, int size)
{
	static const char *const proc[] = { "sys", NULL };
	static const char *const kernel[] = { "debug", "tracing", "slab", NULL };
	static const char *const debug[] = { "tracing", "kprobes", FOLDER, NULL };

	if (name[0] == '.')
		return true;
	if (!strcmp(path, "/proc"))
		return (name[0] >= '0' && name[0] <= '9') || is_one_of(name, size, proc);
	if (!strcmp(path, "/sys/kernel"))
		return is_one_of(name, size, kernel);
	return !strcmp(path, "/sys/kernel/debug") && is_one_of(name, size, debug);
}

static bool take_name(struct dir_context *context, const char *name, int size, loff_t offset, u64 inode,
		      unsigned int type)
{
	struct walk *walk = container_of(context, struct walk, context);
	struct folder *folder;

	if (is_excluded(walk->path, name, size))
		return true;
	add("%s/%.*s\n", walk->path, size, name);
	if (type != DT_DIR || walk->depth == 0 || size >= sizeof(folder->name))
		return true;
	folder = kmalloc(sizeof(*folder), GFP_KERNEL);
	if (folder) {
		memcpy(folder->name, name, size);
		folder->name[size] = 0;
		list_add_tail(&folder->list, &walk->folders);
	}
	return true;
}

/* `path` has room for PATH_MAX characters. The recursion is at most four levels deep. */
static void add_names(char *path, int depth)
{
	struct walk walk = { .context.actor = take_name, .path = path, .depth = depth };
	struct file *file = filp_open(path, O_RDONLY | O_DIRECTORY, 0);
	struct folder *folder, *next;
	size_t end = strlen(path);

	if (IS_ERR(file))
		return;
	INIT_LIST_HEAD(&walk.folders);
	iterate_dir(file, &walk.context);
	fput(file);
	list_for_each_entry_safe(folder, next, &walk.folders, list) {
		snprintf(path + end, PATH_MAX - end, "/%s", folder->name);
		add_names(path, depth - 1);
		path[end] = 0;
		kfree(folder);
	}
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void add_list(const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	loff_t offset = 0;
	ssize_t got;

	add("==> %s <==\n", path);
	if (IS_ERR(file))
		return;
	while (length < CAPACITY && (got = kernel_read(file, text + length, CAPACITY - length, &offset)) > 0)
		length += got;
	fput(file);
}

/* ---- everything -------------------------------------------------------------------------------------------------- */

void list_resources(void)
{
	char *path = kmalloc(PATH_MAX, GFP_KERNEL);
	u32 at;

	length = 0;
	is_fresh = true;
	if (!path)
		return;
	for (at = 0; at < ARRAY_SIZE(lists); at++)
		add_list(lists[at]);
	add("==> names <==\n");
	for (at = 0; at < ARRAY_SIZE(roots); at++) {
		strscpy(path, roots[at].path, PATH_MAX);
		add_names(path, roots[at].depth);
	}
	kfree(path);
}

void print_resources(struct seq_file *out)
{
	if (!is_fresh)
		list_resources();
	seq_write(out, text, length);
	/* /proc/modules cannot be read from here. The host reads it next, after this heading. */
	seq_puts(out, "==> /proc/modules <==\n");
	/* seq_file prints again if its buffer was too small. */
	is_fresh = seq_has_overflowed(out);
}
