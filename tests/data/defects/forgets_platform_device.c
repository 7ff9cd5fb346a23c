// verdict: leaks
// run: plain
// says: the device probe_device
#include <linux/module.h>
#include <linux/platform_device.h>

static struct platform_device *device;

static int __init probe_init(void)
{
	device = platform_device_register_simple("probe_device", -1, NULL, 0); /* here */
	return PTR_ERR_OR_ZERO(device);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
