#include <linux/module.h>
#include <linux/kobject.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

struct box { struct rcu_head rcu; char text[30]; };
static struct box *b;
static struct kobject *k;
static void rel(struct kobject *o)
{
	kfree(o);
}
static struct kobj_type type = { .release = rel, .sysfs_ops = &kobj_sysfs_ops };

static int __init probe_init(void)
{
	int err;

	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	k = kzalloc(sizeof(*k), GFP_KERNEL);
	if (!k) {
		kfree(b);
		return -ENOMEM;
	}
	err = kobject_init_and_add(k, &type, kernel_kobj, "probe_k");
	if (err) {
		kobject_put(k);
		kfree(b);
	}
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kobject_put(k);
	kfree_rcu(b, rcu);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
