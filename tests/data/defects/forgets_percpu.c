// verdict: leaks
// run: plain
// says: percpu
#include <linux/module.h>
#include <linux/percpu.h>

static long __percpu *counters;

static int __init probe_init(void)
{
	counters = alloc_percpu(long); /* here */
	return counters ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
