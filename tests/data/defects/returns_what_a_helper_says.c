// verdict: wrong-return
// run: plain
// says:
#include <linux/module.h>

static int ok(void)
{
	return 1;
}

static int __init probe_init(void)
{
	return ok(); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
