// verdict: leaks
// run: class_create
// says: probe_region
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/device.h>
#include <linux/slab.h>

static char *buffer;
static dev_t number;
static struct class *class;

static int __init probe_init(void)
{
	int err;

	buffer = kmalloc(64, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	err = alloc_chrdev_region(&number, 0, 1, "probe_region"); /* here */
	if (err)
		goto free;
	class = class_create(THIS_MODULE, "probe_class");
	if (IS_ERR(class)) {
		err = PTR_ERR(class);
		goto free;
	}
	return 0;
free:
	kfree(buffer);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	class_destroy(class);
	unregister_chrdev_region(number, 1);
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
