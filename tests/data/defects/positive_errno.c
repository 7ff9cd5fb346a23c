// verdict: wrong-return
// run: kmalloc
// says: the sign is missing
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;

static int __init probe_init(void)
{
	buffer = kmalloc(64, GFP_KERNEL); /* here */
	if (!buffer)
		return ENOMEM;
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffer);
	(void)misc;
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
