// verdict: leaks
// run: plain
// says: the timer that calls tick
#include <linux/module.h>
#include <linux/timer.h>

static struct timer_list timer;

static void tick(struct timer_list *unused)
{
	mod_timer(&timer, jiffies + 5 * HZ); /* here */
}

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	del_timer(&timer);
	tick(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
