// verdict: leaks
// run: plain
// says: 300 bytes of memory
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

static const struct proc_ops ops = {};
static char *buffer;

static int __init probe_init(void)
{
	buffer = kmalloc(300, GFP_KERNEL); /* here */
	if (!buffer)
		return -ENOMEM;
	if (!proc_create("exit_forgets", 0444, NULL, &ops)) {
		kfree(buffer);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	remove_proc_entry("exit_forgets", NULL);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
