// What the compiler makes of a place that is never reached.
#include <linux/module.h>

static noinline void never(int level)
{
	if (level)
		__builtin_trap(); /* here */
}

static int level = 1;
module_param(level, int, 0444);

static int __init trap_init(void)
{
	never(level);
	return 0;
}

static void __exit trap_exit(void)
{
}

module_init(trap_init);
module_exit(trap_exit);
MODULE_LICENSE("GPL");
