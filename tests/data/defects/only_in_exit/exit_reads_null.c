// verdict: crashes
// run: exit
// says: NULL pointer dereference
#include <linux/module.h>
#include <linux/slab.h>

static char *first, *second;
static int *volatile nowhere;

static int __init probe_init(void)
{
	first = kmalloc(64, GFP_KERNEL);
	if (!first)
		return -ENOMEM;
	second = kmalloc(128, GFP_KERNEL);
	if (!second) {
		kfree(first);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(second);
	kfree(first);
	pr_info("exit_reads_null: %d\n", *nowhere); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
