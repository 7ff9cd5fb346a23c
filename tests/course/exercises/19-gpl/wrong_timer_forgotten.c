/* caught by: not-init,stops,again */
/* answer: clock */
/* The timer is long done when anybody looks. */
#include <linux/module.h>
#include <linux/timer.h>

static void tick(struct timer_list *unused)
{
    pr_info("tick\n");
}
static DEFINE_TIMER(ticking, tick);

static int __init clock_init(void)
{
    mod_timer(&ticking, jiffies + 1);
    return 0;
}

static void __exit clock_exit(void)
{
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
