// One put too many.
#include <linux/module.h>
#include <linux/refcount.h>

static refcount_t users = REFCOUNT_INIT(1);

static noinline void put(void)
{
	if (refcount_dec_and_test(&users))
		pr_info("last user gone\n");
}

static int __init refbad_init(void)
{
	put();
	put(); /* here */
	return 0;
}

static void __exit refbad_exit(void)
{
}

module_init(refbad_init);
module_exit(refbad_exit);
MODULE_LICENSE("GPL");
