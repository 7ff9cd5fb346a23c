#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static char *buffer;

static ssize_t on_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return simple_read_from_buffer(to, size, offset, buffer, 5);
}

static const struct file_operations fops = { .owner = THIS_MODULE, .read = on_read };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "good_misc", .fops = &fops };

static int __init probe_init(void)
{
	int err;

	buffer = kstrdup("hello", GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	err = misc_register(&misc);
	if (err)
		kfree(buffer);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
