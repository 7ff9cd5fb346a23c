// verdict: leaks
// run: plain
// says: cdev
#include <linux/module.h>
#include <linux/cdev.h>
#include <linux/fs.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct cdev cdev;
static dev_t number;

static int __init probe_init(void)
{
	int err = alloc_chrdev_region(&number, 0, 1, "probe_cdev");

	if (err)
		return err;
	cdev_init(&cdev, &fops);
	err = cdev_add(&cdev, number, 1); /* here */
	if (err)
		unregister_chrdev_region(number, 1);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	unregister_chrdev_region(number, 1);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
