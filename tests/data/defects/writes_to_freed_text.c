// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>

static char *p;

static int __init probe_init(void)
{
	p = kstrdup("hello", GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p); /* here */
	WRITE_ONCE(p[1], 0);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
