// Sleeping while a spinlock is held.
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/delay.h>

static DEFINE_SPINLOCK(lock);

static int __init schedatomic_init(void)
{
	spin_lock(&lock);
	msleep(20); /* here */
	spin_unlock(&lock);
	return 0;
}

static void __exit schedatomic_exit(void)
{
}

module_init(schedatomic_init);
module_exit(schedatomic_exit);
MODULE_LICENSE("GPL");
