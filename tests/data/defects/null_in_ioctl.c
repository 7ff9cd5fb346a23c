// verdict: crashes
// run: plain
// says: NULL
// script: stty -F /dev/probe_misc
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>

static int * volatile pointer;

static long on_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	*pointer = command; /* here */
	return 0;
}
static const struct file_operations fops = { .owner = THIS_MODULE, .unlocked_ioctl = on_ioctl };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };

static int __init probe_init(void)
{
	return misc_register(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
