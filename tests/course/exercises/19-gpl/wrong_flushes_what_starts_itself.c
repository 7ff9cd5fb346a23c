/* caught by: not-init stops */
/* answer: clock */
/* What starts itself again is only flushed. */
#include <linux/module.h>
#include <linux/workqueue.h>

static struct delayed_work ticking;

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
    schedule_delayed_work(&ticking, HZ / 2);
}

static int __init clock_init(void)
{
    INIT_DELAYED_WORK(&ticking, tick);
    schedule_delayed_work(&ticking, HZ / 10);
    return 0;
}

static void __exit clock_exit(void)
{
    flush_delayed_work(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
