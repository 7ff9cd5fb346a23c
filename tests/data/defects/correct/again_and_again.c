#include <linux/module.h>
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };

static int __init probe_init(void)
{
	int i, err;

	for (i = 0; i < 3; i++) {
		err = misc_register(&misc);
		if (err)
			return err;
		misc_deregister(&misc);
	}
	return misc_register(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
