// A reader that never leaves.
#include <linux/module.h>
#include <linux/rcupdate.h>

static int stop;

static noinline void read_for_ever(void)
{
	while (!READ_ONCE(stop))
		cpu_relax(); /* here */
}

static int __init rcustall_init(void)
{
	rcu_read_lock();
	read_for_ever();
	rcu_read_unlock();
	return 0;
}

static void __exit rcustall_exit(void)
{
}

module_init(rcustall_init);
module_exit(rcustall_exit);
MODULE_LICENSE("GPL");
