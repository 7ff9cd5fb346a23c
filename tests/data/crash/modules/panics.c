// A module that gives up for everybody.
#include <linux/module.h>
#include <linux/panic.h>

static int __init panics_init(void)
{
	panic("this module knows no further"); /* here */
	return 0;
}

static void __exit panics_exit(void)
{
}

module_init(panics_init);
module_exit(panics_exit);
MODULE_LICENSE("GPL");
