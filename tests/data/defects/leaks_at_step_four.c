// verdict: leaks
// run: device_create
// says: the class probe_class
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/device.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct class *class;

static int __init probe_init(void)
{
	struct device *device;
	int major = register_chrdev(240, "probe_chr", &fops);

	if (major < 0)
		return major;
	class = class_create(THIS_MODULE, "probe_class"); /* here */
	if (IS_ERR(class)) {
		unregister_chrdev(240, "probe_chr");
		return PTR_ERR(class);
	}
	device = device_create(class, NULL, MKDEV(240, 0), NULL, "probe0");
	if (IS_ERR(device)) {
		unregister_chrdev(240, "probe_chr");
		return PTR_ERR(device);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	device_destroy(class, MKDEV(240, 0));
	class_destroy(class);
	unregister_chrdev(240, "probe_chr");
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
