// verdict: leaks
// run: plain
// says: the driver probe_driver
#include <linux/module.h>
#include <linux/platform_device.h>

static struct platform_driver driver = { .driver = { .name = "probe_driver" } };

static int __init probe_init(void)
{
	return platform_driver_register(&driver); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
