// A file operation that follows a NULL pointer, in a program's call.
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>

static int * volatile answer;

static ssize_t on_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return *answer; /* here */
}

static const struct file_operations operations = { .owner = THIS_MODULE, .read = on_read };
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "nullread", .fops = &operations };

static int __init nullread_init(void)
{
	return misc_register(&device);
}

static void __exit nullread_exit(void)
{
	misc_deregister(&device);
}

module_init(nullread_init);
module_exit(nullread_exit);
MODULE_LICENSE("GPL");
