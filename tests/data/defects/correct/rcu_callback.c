#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

struct box { struct rcu_head rcu; int value; };
static void put(struct rcu_head *head)
{
	kfree(container_of(head, struct box, rcu));
}
static struct box *box;

static int __init probe_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	return box ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	call_rcu(&box->rcu, put);
	rcu_barrier();
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
