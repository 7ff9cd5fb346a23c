// verdict: wrong-return
// run: plain
// says: returned 0 although
#include <linux/module.h>
#include <linux/fs.h>

static const struct file_operations fops = { .owner = THIS_MODULE };

static int __init probe_init(void)
{
	register_chrdev(1, "mem", &fops); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
