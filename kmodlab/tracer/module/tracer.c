// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traces one other module from inside the kernel: what it calls, what it acquires, what it leaves behind.
 *
 * It is loaded into a disposable guest before the module under test. The host has read that module's ELF file and
 * writes a plan: where its code calls functions of the kernel, and which of these calls is to fail. The tracer writes
 * records, which the host reads from the guest's memory from outside.
 *
 * Files in debugfs, folder "kmodlab":
 *
 *     plan        write: what to trace; clears everything recorded so far
 *     interludes  write: from now on, others run between two calls of exit, and read these files, one on a line
 *     where       read: the physical address and the size of the records
 *     active      read: how many of the callbacks and threads that the module started are still active
 *     check       read: records the module's memory that is not freed; prints the resources that were listed when the
 *                 module ended, or those of now
 *
 * It supports x86-64 with one processor, as the guests have.
 */
#include <linux/async.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include "calls.h"

#define LARGEST_LISTING SZ_1M

struct plan plan;

/* ---- the module under test is loaded and unloaded ---------------------------------------------------------------- */

static struct module *target;

static void on_coming(const struct module *module)
{
	count_load(true);
	phase = OUTSIDE;
	phase_task = current;
	forget_callbacks();
	record_event(LOADING, 0, 0);
	trace_calls(module);
}

static void on_live(void)
{
	phase = LOADED;
	phase_task = NULL;
	record_event(LIVE, 0, 0);
}

static void on_going(void)
{
	use_reserve();
	record_event(GOING, 0, 0);
	phase = GONE;
	record_active_callbacks();
	count_threads(true);
	remove_breakpoints();
	if (count_load(false) == 1)
		list_resources();
}

static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *module = data;

	if (!plan.target[0] || strcmp(module->name, plan.target))
		return NOTIFY_DONE;
	target = module;
	if (state == MODULE_STATE_COMING)
		on_coming(module);
	else if (state == MODULE_STATE_LIVE)
		on_live();
	else if (state == MODULE_STATE_GOING)
		on_going();
	return NOTIFY_OK;
}

/* Called after the kernel's own notifiers, which patch the module's calls. */
static struct notifier_block module_block = { .notifier_call = on_module, .priority = -10 };

/* ---- tracepoints ------------------------------------------------------------------------------------------------- */

static bool is_init(initcall_t function)
{
	return target && target->state == MODULE_STATE_COMING && (unsigned long)target->init == (unsigned long)function;
}

static void on_init(void *data, initcall_t function)
{
	if (!is_init(function))
		return;
	phase = IN_INIT;
	phase_task = current;
	record_event(INIT, 0, 0);
}

static void on_return(void *data, initcall_t function, int result)
{
	if (!is_init(function) || phase != IN_INIT)
		return;
	record_event(RETURN, result, 0);
	phase = OUTSIDE;
}

static void on_module_free(void *data, struct module *module)
{
	if (module != target)
		return;
	record_event(FREED, 0, 0);
	target = NULL;
}

static void on_kfree(void *data, unsigned long caller, const void *pointer)
{
	on_kernel_free((unsigned long)pointer);
}

static void on_cache_free(void *data, unsigned long caller, const void *pointer, const struct kmem_cache *cache)
{
	on_kernel_free((unsigned long)pointer);
}

static void on_page_free(void *data, struct page *page, unsigned int order)
{
	on_kernel_free((unsigned long)page);
}

static const struct {
	const char *name;
	void *probe;
} hooks[] = {
	{ "initcall_start", on_init }, { "initcall_finish", on_return },      { "module_free", on_module_free },
	{ "kfree", on_kfree },	       { "kmem_cache_free", on_cache_free },  { "mm_page_free", on_page_free },
};

static void hook(struct tracepoint *tracepoint, void *count)
{
	u32 at;

	for (at = 0; at < ARRAY_SIZE(hooks); at++)
		if (!strcmp(hooks[at].name, tracepoint->name) &&
		    !tracepoint_probe_register(tracepoint, hooks[at].probe, NULL))
			++*(u32 *)count;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bool is_whole(const struct plan *head, size_t size)
{
	return size >= sizeof(*head) && head->magic == PLAN_MAGIC && head->sections <= MAX_SECTIONS &&
	       head->sites <= MAX_SITES && head->breakpoints <= MAX_BREAKPOINTS && head->functions <= MAX_FUNCTIONS &&
	       !head->target[MODULE_NAME_LEN - 1] &&
	       size == sizeof(*head) + head->sections * sizeof(struct plan_section) +
			       head->sites * sizeof(struct plan_site) +
			       head->breakpoints * sizeof(struct plan_breakpoint) +
			       head->functions * sizeof(struct plan_function);
}

static void forget_everything(void)
{
	memset(&plan, 0, sizeof(plan));
	target = NULL;
	clear_records();
	forget_allocations();
	forget_calls();
	forget_callbacks();
	forget_caches();
}

static int take_plan(const struct plan *head, size_t size)
{
	const struct plan_section *section = (void *)(head + 1);
	const struct plan_site *site = (void *)(section + head->sections);
	const struct plan_breakpoint *breakpoint = (void *)(site + head->sites);

	if (!is_whole(head, size))
		return -EINVAL;
	forget_everything();
	if (!take_sites(head, site) || !take_breakpoints(head, section, breakpoint) ||
	    !take_functions(head, (void *)(breakpoint + head->breakpoints)))
		return -EINVAL;
	plan = *head;
	return 0;
}

static ssize_t write_plan(struct file *file, const char __user *data, size_t size, loff_t *offset)
{
	void *copy;
	int error;

	if (*offset || size > SZ_128K)
		return -EINVAL;
	copy = memdup_user(data, size);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	error = take_plan(copy, size);
	kfree(copy);
	return error ?: size;
}

static const struct file_operations plan_fops = { .owner = THIS_MODULE, .write = write_plan };

static ssize_t write_interludes(struct file *file, const char __user *data, size_t size, loff_t *offset)
{
	char *paths = *offset || size > SZ_4K ? ERR_PTR(-EINVAL) : memdup_user_nul(data, size);

	if (IS_ERR(paths))
		return PTR_ERR(paths);
	take_interludes(paths);
	kfree(paths);
	return size;
}

static const struct file_operations interludes_fops = { .owner = THIS_MODULE, .write = write_interludes };

static int where_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "%llx %zx\n", (u64)records_address(), records_size());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(where);

static int active_show(struct seq_file *file, void *unused)
{
	u32 count = count_active();

	record_event(SETTLED, count, 0);
	seq_printf(file, "%u\n", count);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(active);

/* The kernel frees some of the module's memory later, on its behalf. */
static void wait_for_delayed_frees(void)
{
	rcu_barrier();
	flush_delayed_fput();
	async_synchronize_full();
	/* kfree_rcu frees in batches, after a delay (KFREE_DRAIN_JIFFIES in kernel/rcu/tree.c). */
	schedule_timeout_uninterruptible(msecs_to_jiffies(50));
	rcu_barrier();
}

static int check_show(struct seq_file *file, void *unused)
{
	use_reserve();
	if (count_leaks(false))
		wait_for_delayed_frees();
	print_resources(file);
	if (!seq_has_overflowed(file)) {
		record_damage();
		record_event(CHECKED, count_leaks(true), were_allocations_dropped());
	}
	return 0;
}

static int check_open(struct inode *inode, struct file *file)
{
	static struct lock_class_key key;
	int error = single_open_size(file, check_show, inode->i_private, LARGEST_LISTING);

	/* While it is shown, others like it are read (resources.c): lockdep would take their locks for one. */
	if (!error)
		lockdep_set_class(&((struct seq_file *)file->private_data)->lock, &key);
	return error;
}

static const struct file_operations check_fops = {
	.owner = THIS_MODULE, .open = check_open, .read = seq_read, .release = single_release
};

static int __init tracer_init(void)
{
	struct dentry *folder;
	u32 hooked = 0;
	int error;

	error = make_records() ?: make_allocations() ?: make_resources() ?: make_calls();
	error = error ?: register_module_notifier(&module_block);
	if (error)
		return error;
	forget_everything();
	for_each_kernel_tracepoint(hook, &hooked);
	if (hooked != ARRAY_SIZE(hooks))
		return -ENOENT;
	folder = debugfs_create_dir(FOLDER, NULL);
	debugfs_create_file("plan", 0200, folder, NULL, &plan_fops);
	debugfs_create_file("interludes", 0200, folder, NULL, &interludes_fops);
	debugfs_create_file("where", 0400, folder, NULL, &where_fops);
	debugfs_create_file("active", 0400, folder, NULL, &active_fops);
	debugfs_create_file("check", 0400, folder, NULL, &check_fops);
	return 0;
}
module_init(tracer_init);

/* No exit function: the tracer stays until its guest ends, and so does what it holds if its own init fails. */
MODULE_DESCRIPTION("Traces what another module does");
MODULE_LICENSE("GPL");
