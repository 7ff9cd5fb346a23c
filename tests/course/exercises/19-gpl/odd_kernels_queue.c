/* answer: clock */
/* The kernel's own queue, and exit waits for the work: a way for modules under the GPL. */
#include <linux/module.h>
#include <linux/workqueue.h>

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
}
static DECLARE_WORK(ticking, tick);

static int __init clock_init(void)
{
    schedule_work(&ticking);
    return 0;
}

static void __exit clock_exit(void)
{
    cancel_work_sync(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
