// Hands a program more than the object holds.
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static char *secret;
static size_t size = 256;

static ssize_t on_read(struct file *file, char __user *to, size_t unused, loff_t *offset)
{
	return copy_to_user(to, secret, READ_ONCE(size)) ? -EFAULT : 1; /* here */
}

static const struct file_operations operations = { .owner = THIS_MODULE, .read = on_read };
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "exposes", .fops = &operations };

static int __init exposes_init(void)
{
	secret = kmalloc(64, GFP_KERNEL);
	return misc_register(&device);
}

static void __exit exposes_exit(void)
{
	misc_deregister(&device);
	kfree(secret);
}

module_init(exposes_init);
module_exit(exposes_exit);
MODULE_LICENSE("GPL");
