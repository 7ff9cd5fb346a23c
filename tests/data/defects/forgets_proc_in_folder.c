// verdict: leaks
// run: plain
// says: the /proc entry probe_folder
#include <linux/module.h>
#include <linux/proc_fs.h>

static const struct proc_ops ops = {};
static struct proc_dir_entry *folder;

static int __init probe_init(void)
{
	folder = proc_mkdir("probe_folder", NULL); /* here */
	if (!folder)
		return -ENOMEM;
	if (!proc_create("entry", 0444, folder, &ops)) {
		proc_remove(folder);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	remove_proc_entry("entry", folder);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
