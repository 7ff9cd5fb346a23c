// verdict: leaks
// run: plain
// says: the debugfs entry probe_debug
#include <linux/module.h>
#include <linux/debugfs.h>

static struct dentry *folder;
static u32 value;

static int __init probe_init(void)
{
	folder = debugfs_create_dir("probe_debug", NULL); /* here */
	debugfs_create_u32("value", 0644, folder, &value);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
