/* caught by: stops, not-init */
/* answer: clock */
/* Deletes the timer, and does not wait for its function. */
#include <linux/module.h>
#include <linux/timer.h>

static void tick(struct timer_list *unused)
{
    pr_info("tick\n");
}
static DEFINE_TIMER(ticking, tick);

static int __init clock_init(void)
{
    mod_timer(&ticking, jiffies + HZ / 20);
    return 0;
}

static void __exit clock_exit(void)
{
    del_timer(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
