// A list that was never initialised: its links hold a poison value that is no address at all.
#include <linux/module.h>

struct item {
	struct item *next;
	int value;
};

static noinline int look(struct item *item)
{
	return item->value; /* here */
}

static int __init gpf_init(void)
{
	return look((struct item *)0xdead4ead00000000UL) ? -EINVAL : 0;
}

static void __exit gpf_exit(void)
{
}

module_init(gpf_init);
module_exit(gpf_exit);
MODULE_LICENSE("GPL");
