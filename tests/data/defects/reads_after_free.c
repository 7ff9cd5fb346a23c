// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>

struct box {
	long room[4];
	int value;
};

static int __init probe_init(void)
{
	struct box *box = kzalloc(sizeof(*box), GFP_KERNEL);

	if (!box)
		return -ENOMEM;
	kfree(box);
	return READ_ONCE(box->value) & 0; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
