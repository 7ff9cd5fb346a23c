// verdict: crashes
// run: kzalloc
// says: NULL
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/err.h>

struct box {
	long room[4];
	int value;
};
static struct box * volatile box;

static int __init probe_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	if (IS_ERR(box))
		return PTR_ERR(box);
	box->value = 1; /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(box);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
