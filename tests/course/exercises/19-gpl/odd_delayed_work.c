/* answer: clock */
/* Stays proprietary; a delayed work item is for everybody. */
#include <linux/module.h>
#include <linux/workqueue.h>

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
}
static DECLARE_DELAYED_WORK(ticking, tick);

static int __init clock_init(void)
{
    pr_info("will tick soon\n");
    schedule_delayed_work(&ticking, msecs_to_jiffies(20));
    return 0;
}

static void __exit clock_exit(void)
{
    cancel_delayed_work_sync(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
