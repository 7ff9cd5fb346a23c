// A list that was never initialised: its links hold a poison value that is no address at all.
#include <linux/module.h>
#include <linux/poison.h>

struct item {
	struct item *next;
	int value;
};

static int __init gpf_init(void)
{
	struct item *item = (struct item *)0xdead4ead00000000UL;
	int sum = 0;

	OPTIMIZER_HIDE_VAR(item);
	sum += item->value; /* here */
	OPTIMIZER_HIDE_VAR(sum);
	pr_info("sum %d\n", sum);
	return 0;
}

static void __exit gpf_exit(void)
{
}

module_init(gpf_init);
module_exit(gpf_exit);
MODULE_LICENSE("GPL");
