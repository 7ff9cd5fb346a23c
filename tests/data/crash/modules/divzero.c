// Division by a parameter that nobody checked.
#include <linux/module.h>

static int parts;
module_param(parts, int, 0444);

static int __init divzero_init(void)
{
	pr_info("each gets %d\n", 100 / parts); /* here */
	return 0;
}

static void __exit divzero_exit(void)
{
}

module_init(divzero_init);
module_exit(divzero_exit);
MODULE_LICENSE("GPL");
