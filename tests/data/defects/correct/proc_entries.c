#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

static struct proc_dir_entry *folder;

static int show(struct seq_file *file, void *unused)
{
	seq_puts(file, "hello\n");
	return 0;
}

static int __init probe_init(void)
{
	folder = proc_mkdir("good_proc", NULL);
	if (!folder)
		return -ENOMEM;
	if (!proc_create_single("entry", 0444, folder, show)) {
		remove_proc_entry("good_proc", NULL);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	proc_remove(folder);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
