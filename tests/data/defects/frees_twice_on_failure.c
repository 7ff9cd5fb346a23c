// verdict: crashes
// run: misc_register
// says: double free
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;

static int __init probe_init(void)
{
	int err;

	buffer = kmalloc(64, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	err = misc_register(&misc);
	if (err) {
		kfree(buffer);
		goto free;
	}
	return 0;
free:
	kfree(buffer); /* here */
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
