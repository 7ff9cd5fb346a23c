#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static void *p[20];

static int __init probe_init(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		p[i] = kmalloc(i * i * 37 + 1, GFP_KERNEL);
		if (p[i])
			memset(p[i], i, i * i * 37 + 1);
	}
	return 0; /* 0 on purpose: it does with what it gets */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	int i;

	for (i = 0; i < 20; i++)
		kfree(p[i]);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
