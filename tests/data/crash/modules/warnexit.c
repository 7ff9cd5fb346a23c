// Something is still in use when exit runs.
#include <linux/module.h>

static int users = 1;
module_param(users, int, 0444);

static int __init warnexit_init(void)
{
	return 0;
}

static void __exit warnexit_exit(void)
{
	WARN(users, "%d users left\n", users); /* here */
}

module_init(warnexit_init);
module_exit(warnexit_exit);
MODULE_LICENSE("GPL");
