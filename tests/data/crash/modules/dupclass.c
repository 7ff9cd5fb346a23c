// A class whose name is taken.
#include <linux/module.h>
#include <linux/device.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define create(name) class_create(THIS_MODULE, name)
#else
#define create(name) class_create(name)
#endif

static struct class *class;

static int __init dupclass_init(void)
{
	class = create("input"); /* here */
	return PTR_ERR_OR_ZERO(class);
}

static void __exit dupclass_exit(void)
{
	class_destroy(class);
}

module_init(dupclass_init);
module_exit(dupclass_exit);
MODULE_LICENSE("GPL");
