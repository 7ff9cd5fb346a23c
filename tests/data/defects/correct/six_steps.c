#include <linux/module.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static const struct proc_ops ops = {};
static struct cdev cdev;
static struct class *class;
static struct device *device;
static dev_t number;
static char *buffer;

static int __init probe_init(void)
{
	int err;

	buffer = kzalloc(128, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	err = alloc_chrdev_region(&number, 0, 1, "good_six");
	if (err)
		goto free;
	cdev_init(&cdev, &fops);
	err = cdev_add(&cdev, number, 1);
	if (err)
		goto unregister;
	class = class_create(THIS_MODULE, "good_six");
	if (IS_ERR(class)) {
		err = PTR_ERR(class);
		goto remove;
	}
	device = device_create(class, NULL, number, NULL, "good_six%d", 0);
	if (IS_ERR(device)) {
		err = PTR_ERR(device);
		goto destroy;
	}
	if (!proc_create("good_six", 0444, NULL, &ops)) {
		err = -ENOMEM;
		goto withdraw;
	}
	return 0;
withdraw:
	device_destroy(class, number);
destroy:
	class_destroy(class);
remove:
	cdev_del(&cdev);
unregister:
	unregister_chrdev_region(number, 1);
free:
	kfree(buffer);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	remove_proc_entry("good_six", NULL);
	device_destroy(class, number);
	class_destroy(class);
	cdev_del(&cdev);
	unregister_chrdev_region(number, 1);
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
