#include <linux/module.h>

static int bit = 40;
module_param(bit, int, 0);

static int __init shiftsfar_init(void)
{
	int mask = 1 << bit; /* here */

	pr_info("mask %x\n", mask);
	return 0;
}

static void __exit shiftsfar_exit(void)
{
}

module_init(shiftsfar_init);
module_exit(shiftsfar_exit);
MODULE_LICENSE("GPL");
