// verdict: crashes
// run: plain
// says: twice
#include <linux/module.h>
#include <linux/fs.h>

static dev_t num;

static int __init probe_init(void)
{
	return alloc_chrdev_region(&num, 0, 1, "probe_n");
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	unregister_chrdev_region(num, 1);
	unregister_chrdev_region(num, 1); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
