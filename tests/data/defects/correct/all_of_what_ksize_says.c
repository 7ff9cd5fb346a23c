#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *p;

static int __init probe_init(void)
{
	p = kmalloc(17, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	memset(p, 0, ksize(p));
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree_sensitive(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
