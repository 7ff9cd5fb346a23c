// A loop without an end, interrupts on, preemption off.
#include <linux/module.h>

static int stop;

static int __init softlock_init(void)
{
	preempt_disable();
	while (!READ_ONCE(stop))
		cpu_relax(); /* here */
	preempt_enable();
	return 0;
}

static void __exit softlock_exit(void)
{
}

module_init(softlock_init);
module_exit(softlock_exit);
MODULE_LICENSE("GPL");
