// verdict: wrong-return
// run: plain
// says: not an errno
#include <linux/module.h>

static int __init probe_init(void)
{
	return -100000; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
