// verdict: crashes
// run: plain
// says: NULL
// script: cat /proc/probe_proc
#include <linux/module.h>
#include <linux/proc_fs.h>

static int * volatile pointer;

static ssize_t on_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return *pointer; /* here */
}
static const struct proc_ops ops = { .proc_read = on_read };

static int __init probe_init(void)
{
	return proc_create("probe_proc", 0444, NULL, &ops) ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	remove_proc_entry("probe_proc", NULL);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
