// verdict: leaks
// run: plain
// says: the /proc entry probe_proc
#include <linux/module.h>
#include <linux/proc_fs.h>

static const struct proc_ops ops = { .proc_flags = PROC_ENTRY_PERMANENT };

static int __init probe_init(void)
{
	return proc_create("probe_proc", 0444, NULL, &ops) ? 0 : -ENOMEM; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
