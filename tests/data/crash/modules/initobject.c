// An object that is set up twice.
#include <linux/module.h>
#include <linux/kobject.h>

static void release(struct kobject *unused)
{
}

static const struct kobj_type type = { .release = release };
static struct kobject object;

static int __init initobject_init(void)
{
	kobject_init(&object, (struct kobj_type *)&type);
	kobject_init(&object, (struct kobj_type *)&type); /* here */
	return 0;
}

static void __exit initobject_exit(void)
{
}

module_init(initobject_init);
module_exit(initobject_exit);
MODULE_LICENSE("GPL");
