// Shows on purpose how it came where it is.
#include <linux/module.h>

static noinline void show_me(void)
{
	dump_stack(); /* here */
	barrier();
}

static int __init dumps_init(void)
{
	show_me();
	return 0;
}

static void __exit dumps_exit(void)
{
}

module_init(dumps_init);
module_exit(dumps_exit);
MODULE_LICENSE("GPL");
