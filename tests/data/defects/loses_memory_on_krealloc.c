// verdict: leaks
// run: krealloc
// says: memory
#include <linux/module.h>
#include <linux/slab.h>

static char *p;

static int __init probe_init(void)
{
	p = kmalloc(16, GFP_KERNEL); /* here */
	if (!p)
		return -ENOMEM;
	p = krealloc(p, 400, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
