// verdict: leaks
// run: plain
// says: probe_region
#include <linux/module.h>
#include <linux/fs.h>

static dev_t number;

static int __init probe_init(void)
{
	return alloc_chrdev_region(&number, 0, 2, "probe_region"); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
