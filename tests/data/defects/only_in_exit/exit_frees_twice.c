// verdict: crashes
// run: exit
// says: a double free of memory
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "exit_frees_twice", .fops = &fops };
static char *buffer;

static int __init probe_init(void)
{
	int err;

	buffer = kzalloc(100, GFP_KERNEL);
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
	kfree(buffer);
	misc_deregister(&misc);
	kfree(buffer); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
