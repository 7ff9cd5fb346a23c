// verdict: hangs
// run: plain
// says: init never ends
#include <linux/module.h>

static volatile int stop, turns;

static int __init probe_init(void)
{
	while (!stop) turns++; /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
