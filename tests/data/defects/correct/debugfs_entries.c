#include <linux/module.h>
#include <linux/debugfs.h>

static struct dentry *folder;
static u32 value;

/* As linux/debugfs.h wants it, nobody looks at errors. */
static int __init probe_init(void)
{
	folder = debugfs_create_dir("good_debug", NULL);
	debugfs_create_u32("value", 0644, folder, &value);
	debugfs_create_bool("flag", 0644, folder, (bool *)&value);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	debugfs_remove_recursive(folder);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
