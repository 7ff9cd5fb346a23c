// verdict: crashes
// run: plain
// says: double free
#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;

static int __init probe_init(void)
{
	buffer = kmalloc(64, GFP_KERNEL);
	return buffer ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffer);
	kfree(buffer); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
