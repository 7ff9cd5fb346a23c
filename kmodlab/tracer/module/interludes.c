// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs other code of the module while its exit runs: before each call in exit, timers expire, work runs, and files are
 * read. On a machine with several processors this can happen at any time; here it always happens. So a resource that
 * exit frees too early is used after it was freed in every run, not by chance.
 */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/text-patching.h>
#include "calls.h"

#define MAX_FILES 8
#define PATH_SIZE 128
#define LONGEST_READ_S 1

static bool enabled;
static char files[MAX_FILES][PATH_SIZE];
static bool running, is_reading;
static bool has_begun; /* exit has called something: before that nothing is freed, and what may run once is saved up */
static DECLARE_COMPLETION(files_read);
static unsigned long done_before, done_stack; /* the breakpoint that follows the interlude */

/* Runs between the call before and this one, with the registers of the module, and returns to the breakpoint. */
asm(".pushsection .text, \"ax\"\n"
    ".type kmodlab_interlude, @function\n"
    "kmodlab_interlude:\n"
    "	pushf\n"
    "	push %rax\n"
    "	push %rdi\n"
    "	push %rsi\n"
    "	push %rdx\n"
    "	push %rcx\n"
    "	push %r8\n"
    "	push %r9\n"
    "	push %r10\n"
    "	push %r11\n"
    "	call kmodlab_let_others_run\n"
    "	pop %r11\n"
    "	pop %r10\n"
    "	pop %r9\n"
    "	pop %r8\n"
    "	pop %rcx\n"
    "	pop %rdx\n"
    "	pop %rsi\n"
    "	pop %rdi\n"
    "	pop %rax\n"
    "	popf\n"
    "	" ASM_RET
    ".size kmodlab_interlude, . - kmodlab_interlude\n"
    ".popsection\n");
extern char kmodlab_interlude[];
void kmodlab_let_others_run(void);

void forget_interludes(void)
{
	enabled = running = has_begun = false;
	done_before = 0;
	memset(files, 0, sizeof(files));
}

/* Exit may wait for a callback that has crashed. */
static void end_with_a_crash(void)
{
	struct file *file = filp_open("/proc/sys/kernel/panic_on_oops", O_WRONLY, 0);
	loff_t offset = 0;

	if (IS_ERR(file))
		return;
	kernel_write(file, "1", 1, &offset);
	filp_close(file, NULL);
}

void take_interludes(const char *paths)
{
	u32 at;

	forget_interludes();
	enabled = true;
	end_with_a_crash();
	for (at = 0; at < MAX_FILES && *paths; at++) {
		size_t length = strcspn(paths, "\n");

		if (length < PATH_SIZE)
			memcpy(files[at], paths, length);
		paths += length + (paths[length] == '\n');
	}
}

static void read_file(const char *path)
{
	struct file *file = *path ? filp_open(path, O_RDONLY | O_NONBLOCK, 0) : ERR_PTR(-ENOENT);
	loff_t offset = 0;
	void *buffer;

	if (IS_ERR(file))
		return;
	buffer = kmalloc(PAGE_SIZE, GFP_KERNEL);
	/* The kernel can read those of seq_file, kernfs and the like. */
	if (buffer && file->f_op->read_iter && !file->f_op->read)
		kernel_read(file, buffer, PAGE_SIZE, &offset);
	kfree(buffer);
	filp_close(file, NULL);
}

static int read_files(void *unused)
{
	u32 at;

	for (at = 0; at < MAX_FILES; at++)
		read_file(files[at]);
	WRITE_ONCE(is_reading, false);
	complete(&files_read);
	return 0;
}

/* In a thread of its own, since it may wait for a lock that exit holds. */
static void let_reader_run(void)
{
	if (!*files[0] || READ_ONCE(is_reading))
		return;
	reinit_completion(&files_read);
	WRITE_ONCE(is_reading, true);
	if (IS_ERR(kthread_run(read_files, NULL, "reader")))
		WRITE_ONCE(is_reading, false);
	else
		wait_for_completion_timeout(&files_read, LONGEST_READ_S * HZ);
}

void kmodlab_let_others_run(void)
{
	running = true;
	let_callbacks_run();
	let_reader_run();
	running = false;
}

bool begin_interlude(const struct breakpoint *breakpoint, struct pt_regs *regs, unsigned int count)
{
	if (done_before == breakpoint->address && done_stack == regs->sp) {
		done_before = 0;
		return false;
	}
	if (!enabled || running || phase != IN_EXIT || current != phase_task || count || !(regs->flags & X86_EFLAGS_IF) ||
	    is_reading_rcu())
		return false;
	if (!has_begun) {
		has_begun = true;
		return false;
	}
	done_before = breakpoint->address;
	done_stack = regs->sp;
	int3_emulate_push(regs, breakpoint->address);
	int3_emulate_jmp(regs, (unsigned long)kmodlab_interlude);
	return true;
}
