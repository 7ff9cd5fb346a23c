#include <linux/module.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

static struct kobject *kobject;

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "1\n");
}
static struct kobj_attribute value = __ATTR_RO(value);
static struct attribute *attributes[] = { &value.attr, NULL };
static const struct attribute_group group = { .attrs = attributes };

static int __init probe_init(void)
{
	int err;

	kobject = kobject_create_and_add("good_kobject", kernel_kobj);
	if (!kobject)
		return -ENOMEM;
	err = sysfs_create_group(kobject, &group);
	if (err)
		kobject_put(kobject);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kobject_put(kobject);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
