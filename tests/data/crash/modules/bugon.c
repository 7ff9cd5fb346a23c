// A condition that "cannot happen".
#include <linux/module.h>

static int level = 3;
module_param(level, int, 0444);

static noinline void check_level(int l)
{
	BUG_ON(l != 2); /* here */
}

static int __init bugon_init(void)
{
	check_level(level);
	return 0;
}

static void __exit bugon_exit(void)
{
}

module_init(bugon_init);
module_exit(bugon_exit);
MODULE_LICENSE("GPL");
