// The same proc entry made twice.
#include <linux/module.h>
#include <linux/proc_fs.h>

static int __init kobjtwice_init(void)
{
	proc_create("kobjtwice", 0444, NULL, NULL);
	proc_mkdir("kobjtwice_dir", NULL);
	proc_mkdir("kobjtwice_dir", NULL); /* here */
	return 0;
}

static void __exit kobjtwice_exit(void)
{
	remove_proc_entry("kobjtwice_dir", NULL);
}

module_init(kobjtwice_init);
module_exit(kobjtwice_exit);
MODULE_LICENSE("GPL");
