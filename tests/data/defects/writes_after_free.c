// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>

struct box {
	long room[4];
	int value;
};
static struct box *box;

static int __init probe_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	return box ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(box);
	WRITE_ONCE(box->value, 1); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
