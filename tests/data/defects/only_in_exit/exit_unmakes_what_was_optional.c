// verdict: crashes
// run: exit
// says: NULL
#include <linux/module.h>
#include <linux/debugfs.h>
#include <linux/slab.h>

static struct dentry *folder;
static u32 *numbers;
static u32 *volatile nowhere;

static int __init probe_init(void)
{
	numbers = kcalloc(10, sizeof(*numbers), GFP_KERNEL);
	if (!numbers)
		return -ENOMEM;
	folder = debugfs_create_dir("exit_optional", NULL);
	debugfs_create_u32("first", 0400, folder, numbers);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	debugfs_remove_recursive(folder);
	numbers[0] = *nowhere; /* here */
	kfree(numbers);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
