// verdict: leaks
// run: plain
// says: probe_chr
#include <linux/module.h>
#include <linux/fs.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static int major;

static int __init probe_init(void)
{
	major = register_chrdev(0, "probe_chr", &fops); /* here */
	return major < 0 ? major : 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
