// verdict: leaks
// run: plain
// says: the device probe0
#include <linux/module.h>
#include <linux/device.h>
#include <linux/kdev_t.h>

static struct class *class;
static struct device *device;

static int __init probe_init(void)
{
	class = class_create(THIS_MODULE, "probe_class");
	if (IS_ERR(class))
		return PTR_ERR(class);
	device = device_create(class, NULL, MKDEV(240, 0), NULL, "probe%d", 0); /* here */
	if (IS_ERR(device)) {
		class_destroy(class);
		return PTR_ERR(device);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	class_destroy(class);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
