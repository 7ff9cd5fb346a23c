// verdict: leaks
// run: plain
// says: the file system probefs
#include <linux/module.h>
#include <linux/fs.h>

static struct file_system_type type = { .owner = THIS_MODULE, .name = "probefs" };

static int __init probe_init(void)
{
	return register_filesystem(&type); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
