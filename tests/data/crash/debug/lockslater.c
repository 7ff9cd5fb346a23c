#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct box {
	spinlock_t lock;
};
static struct box *box;

static int __init lockslater_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	if (!box)
		return -ENOMEM;
	spin_lock(&box->lock); /* here */
	spin_unlock(&box->lock);
	return 0;
}

static void __exit lockslater_exit(void)
{
	kfree(box);
}

module_init(lockslater_init);
module_exit(lockslater_exit);
MODULE_LICENSE("GPL");
