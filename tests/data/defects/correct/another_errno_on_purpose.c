#include <linux/module.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "good_misc", .fops = &fops };

static int __init probe_init(void)
{
	if (misc_register(&misc))
		return -ENODEV; /* mapped: whatever the reason, there is no device */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
