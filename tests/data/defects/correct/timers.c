#include <linux/module.h>
#include <linux/timer.h>
#include <linux/hrtimer.h>

static struct timer_list timer;
static struct hrtimer fine;
static int ticks;

static void tick(struct timer_list *unused)
{
	ticks++;
	mod_timer(&timer, jiffies + HZ / 50);
}

static enum hrtimer_restart fine_tick(struct hrtimer *unused)
{
	hrtimer_forward_now(&fine, ms_to_ktime(5));
	return HRTIMER_RESTART;
}

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + 1);
	hrtimer_init(&fine, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	fine.function = fine_tick;
	hrtimer_start(&fine, ms_to_ktime(5), HRTIMER_MODE_REL);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	hrtimer_cancel(&fine);
	del_timer_sync(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
