// A device without a way to let go of it.
#include <linux/module.h>
#include <linux/device.h>

static struct device device = { .init_name = "norelease" };

static int __init norelease_init(void)
{
	return device_register(&device);
}

static void __exit norelease_exit(void)
{
	device_unregister(&device); /* here */
	pr_info("so long\n");
}

module_init(norelease_init);
module_exit(norelease_exit);
MODULE_LICENSE("GPL");
