// verdict: crashes
// run: plain
// says: twice
#include <linux/module.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/kdev_t.h>

static struct class *cls;
static struct device *d;

static int __init probe_init(void)
{
	cls = class_create(THIS_MODULE, "probe_cls");
	if (IS_ERR(cls))
		return PTR_ERR(cls);
	d = device_create(cls, NULL, MKDEV(240, 3), NULL, "probe_n");
	if (IS_ERR(d)) {
		class_destroy(cls);
		return PTR_ERR(d);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	device_destroy(cls, MKDEV(240, 3));
	device_destroy(cls, MKDEV(240, 3)); /* here */
	class_destroy(cls);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
