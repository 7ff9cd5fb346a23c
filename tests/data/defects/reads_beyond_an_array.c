// verdict: crashes
// run: plain
// says: beyond
#include <linux/module.h>
#include <linux/slab.h>

struct rec { u64 a[4]; };
static struct rec *r;
static volatile u64 sum;

static int __init probe_init(void)
{
	int i;

	r = kcalloc(3, sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	for (i = 0; i <= 3; i++)
		sum += READ_ONCE(r[i].a[0]); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(r);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
