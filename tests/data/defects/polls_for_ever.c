// verdict: hangs
// run: plain
// says: init never ends
#include <linux/module.h>
#include <linux/delay.h>

static volatile int ready;

static int __init probe_init(void)
{
	while (!ready)
		msleep(10); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
