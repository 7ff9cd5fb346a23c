// verdict: crashes
// run: plain
// says: beyond
#include <linux/module.h>
#include <linux/slab.h>

static char *p;
static volatile int n = 13;

static int __init probe_init(void)
{
	int i;

	p = kzalloc(13, GFP_KERNEL); /* here */
	if (!p)
		return -ENOMEM;
	for (i = 0; i <= n; i++)
		WRITE_ONCE(p[i], 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
