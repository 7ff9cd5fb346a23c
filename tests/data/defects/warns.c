// verdict: crashes
// run: plain
// says: WARNING
#include <linux/module.h>
#include <linux/bug.h>

static volatile int always = 1;

static int __init probe_init(void)
{
	WARN_ON(always); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
