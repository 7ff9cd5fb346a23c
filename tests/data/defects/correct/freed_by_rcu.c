#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

struct box {
	struct rcu_head rcu;
	int value;
};
static struct box *first, *second;

static void release(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct box, rcu));
}

static int __init probe_init(void)
{
	first = kzalloc(sizeof(*first), GFP_KERNEL);
	second = kzalloc(sizeof(*second), GFP_KERNEL);
	if (!first || !second) {
		kfree(first);
		kfree(second);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree_rcu(first, rcu);
	call_rcu(&second->rcu, release);
	rcu_barrier();
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
