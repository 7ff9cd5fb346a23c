// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>

struct ops { void (*stop)(void); };
static struct ops none;
static struct ops * volatile ops = &none;

static int __init probe_init(void)
{
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	ops->stop(); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
