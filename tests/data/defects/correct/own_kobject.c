#include <linux/module.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

struct box {
	struct kobject kobject;
	int value;
};
static struct box *box;

static void release(struct kobject *kobject)
{
	kfree(container_of(kobject, struct box, kobject));
}
static const struct kobj_type type = { .release = release, .sysfs_ops = &kobj_sysfs_ops };

static int __init probe_init(void)
{
	int err;

	box = kzalloc(sizeof(*box), GFP_KERNEL);
	if (!box)
		return -ENOMEM;
	err = kobject_init_and_add(&box->kobject, (struct kobj_type *)&type, kernel_kobj, "good_box");
	if (err)
		kobject_put(&box->kobject);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kobject_put(&box->kobject);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
