// verdict: crashes
// run: plain
// says:
#include <linux/module.h>
#include <linux/slab.h>

static char * volatile p;

static int __init probe_init(void)
{
	p = kmalloc(64, GFP_KERNEL);
	return p ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p + 8); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
