// verdict: crashes
// run: plain
// says: beyond
#include <linux/module.h>
#include <linux/slab.h>

static int *p;

static int __init probe_init(void)
{
	int i;

	p = kmalloc_array(8, sizeof(int), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	for (i = 0; i <= 8; i++)
		WRITE_ONCE(p[i], i); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
