// verdict: crashes
// run: plain
// says: divide
#include <linux/module.h>

static volatile int divisor;

static int __init probe_init(void)
{
	return 10 / divisor - 10; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
