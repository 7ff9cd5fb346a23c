// A write to what is constant.
#include <linux/module.h>

static const int fixed = 3;

static noinline void change(volatile int *number)
{
	*number = 4; /* here */
}

static int __init readonly_init(void)
{
	change((volatile int *)&fixed);
	return 0;
}

static void __exit readonly_exit(void)
{
}

module_init(readonly_init);
module_exit(readonly_exit);
MODULE_LICENSE("GPL");
