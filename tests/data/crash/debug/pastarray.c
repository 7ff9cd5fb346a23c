#include <linux/module.h>

static int squares[8];
static int last = 8;
module_param(last, int, 0);

static int __init pastarray_init(void)
{
	int i;

	for (i = 0; i <= last; i++)
		squares[i] = i * i; /* here */
	return 0;
}

static void __exit pastarray_exit(void)
{
	pr_info("%d\n", squares[1]);
}

module_init(pastarray_init);
module_exit(pastarray_exit);
MODULE_LICENSE("GPL");
