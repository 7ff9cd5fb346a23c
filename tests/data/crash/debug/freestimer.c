#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct clock {
	struct timer_list timer;
};
static struct clock *clock;

static void on_timer(struct timer_list *timer)
{
}

static int __init freestimer_init(void)
{
	clock = kzalloc(sizeof(*clock), GFP_KERNEL);
	if (!clock)
		return -ENOMEM;
	timer_setup(&clock->timer, on_timer, 0);
	mod_timer(&clock->timer, jiffies + 60 * HZ);
	return 0;
}

static void __exit freestimer_exit(void)
{
	kfree(clock); /* here */
}

module_init(freestimer_init);
module_exit(freestimer_exit);
MODULE_LICENSE("GPL");
