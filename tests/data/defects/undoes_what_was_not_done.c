// verdict: crashes
// run: misc_register
// says:
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;

static int __init probe_init(void)
{
	int err = misc_register(&misc);

	if (err)
		misc_deregister(&misc); /* here */
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
