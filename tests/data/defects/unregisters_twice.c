// verdict: crashes
// run: plain
// says:
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };

static int __init probe_init(void)
{
	return misc_register(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
	misc_deregister(&misc); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
