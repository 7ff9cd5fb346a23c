#include <linux/module.h>
#include <linux/kobject.h>
#include <linux/kref.h>
#include <linux/slab.h>

struct box { struct kref ref; };
static void rel(struct kref *r)
{
	kfree(container_of(r, struct box, ref));
}
static struct box *b;
static struct kobject *k;

static int __init probe_init(void)
{
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	kref_init(&b->ref);
	k = kobject_create_and_add("probe_k", kernel_kobj);
	if (!k) {
		kfree(b);
		return -ENOMEM;
	}
	kobject_get(k);
	kref_get(&b->ref);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kobject_put(k);
	kobject_put(k);
	kref_put(&b->ref, rel);
	kref_put(&b->ref, rel);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
