// A call of a function that nobody has set.
#include <linux/module.h>

static int (* volatile answer)(void);

static int __init nullcall_init(void)
{
	int found = answer(); /* here */

	pr_info("the answer is %d\n", found);
	return 0;
}

static void __exit nullcall_exit(void)
{
}

module_init(nullcall_init);
module_exit(nullcall_exit);
MODULE_LICENSE("GPL");
