// verdict: leaks
// run: plain
// says: the sysfs attribute probe_value
#include <linux/module.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

static ssize_t probe_value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "1\n");
}
static struct kobj_attribute attribute = __ATTR_RO(probe_value);

static int __init probe_init(void)
{
	return sysfs_create_file(kernel_kobj, &attribute.attr); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
