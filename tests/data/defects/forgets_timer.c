// verdict: leaks
// run: plain
// says: the timer that calls tick
#include <linux/module.h>
#include <linux/timer.h>

static void tick(struct timer_list *unused)
{
}
static struct timer_list timer;

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + 60 * HZ); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
