// A pointer that was never set, written to by a helper that the compiler inlines into init.
#include <linux/module.h>
#include <linux/slab.h>

struct counter {
	int hits;
	int misses;
};

static struct counter *counter;

static inline void count(struct counter *c)
{
	c->misses += 1; /* here */
}

static int __init nullinit_init(void)
{
	pr_info("about to count\n");
	count(counter);
	return 0;
}

static void __exit nullinit_exit(void)
{
}

module_init(nullinit_init);
module_exit(nullinit_exit);
MODULE_LICENSE("GPL");
