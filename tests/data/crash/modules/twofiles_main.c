// A module of two files: the crash is in the other one.
#include <linux/module.h>

int twofiles_work(int *where);

static int * volatile nowhere;

static int __init twofiles_init(void)
{
	return twofiles_work(nowhere);
}

static void __exit twofiles_exit(void)
{
}

module_init(twofiles_init);
module_exit(twofiles_exit);
MODULE_LICENSE("GPL");
