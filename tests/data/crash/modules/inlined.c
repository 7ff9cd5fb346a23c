// A condition in a function that the compiler puts into its caller, twice over.
#include <linux/module.h>

static int users = 2;
module_param(users, int, 0444);

static __always_inline void check(int count)
{
	WARN_ON(count != 1); /* here */
}

static __always_inline void leave(void)
{
	check(users);
	users--;
}

static int __init inlined_init(void)
{
	leave();
	return 0;
}

static void __exit inlined_exit(void)
{
}

module_init(inlined_init);
module_exit(inlined_exit);
MODULE_LICENSE("GPL");
