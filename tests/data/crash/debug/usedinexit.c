#include <linux/module.h>
#include <linux/slab.h>

struct box {
	int count;
};
static struct box *box;

static int __init usedinexit_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	return box ? 0 : -ENOMEM;
}

static void __exit usedinexit_exit(void)
{
	kfree(box);
	pr_info("%d in the box\n", box->count); /* here */
}

module_init(usedinexit_init);
module_exit(usedinexit_exit);
MODULE_LICENSE("GPL");
