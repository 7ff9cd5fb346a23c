// verdict: wrong-return
// run: plain
// says: returned +1
#include <linux/module.h>

static int __init probe_init(void)
{
	return 1; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
