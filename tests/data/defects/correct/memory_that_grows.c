#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *p;

static int __init probe_init(void)
{
	char *q;

	p = kmalloc(16, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	strcpy(p, "hello");
	q = krealloc(p, 400, GFP_KERNEL);
	if (!q) {
		kfree(p);
		return -ENOMEM;
	}
	p = q;
	memset(p, 1, 400);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
