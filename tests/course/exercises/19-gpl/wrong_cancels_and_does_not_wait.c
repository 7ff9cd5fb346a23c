/* caught by: stops */
/* answer: clock */
/* What runs already runs on. */
#include <linux/module.h>
#include <linux/workqueue.h>

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
}
static DECLARE_DELAYED_WORK(ticking, tick);

static int __init clock_init(void)
{
    schedule_delayed_work(&ticking, HZ / 10);
    return 0;
}

static void __exit clock_exit(void)
{
    cancel_delayed_work(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
