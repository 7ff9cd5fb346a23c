// A breakpoint without a debugger.
#include <linux/module.h>

static noinline void look(void)
{
	asm volatile ("int3"); /* here */
}

static int __init breakpoint_init(void)
{
	look();
	return 0;
}

static void __exit breakpoint_exit(void)
{
}

module_init(breakpoint_init);
module_exit(breakpoint_exit);
MODULE_LICENSE("GPL");
