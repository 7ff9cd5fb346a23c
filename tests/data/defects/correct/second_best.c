#include <linux/module.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static int major = 1;
static void *buffer;

/* What it wants may be taken; then it takes what it can get. */
static int __init probe_init(void)
{
	int err = register_chrdev(major, "mem", &fops);

	if (err) {
		major = register_chrdev(0, "good_chr", &fops);
		if (major < 0)
			return major;
	}
	buffer = kmalloc(4096, GFP_KERNEL | __GFP_NOWARN);
	if (!buffer)
		buffer = vmalloc(4096);
	if (!buffer) {
		unregister_chrdev(major, "good_chr");
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kvfree(buffer);
	unregister_chrdev(major, "good_chr");
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
