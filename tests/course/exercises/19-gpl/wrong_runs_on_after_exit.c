/* caught by: stops,again */
/* answer: clock */
/* Nobody waits for the work: it may still be in the kernel's queue. */
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
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
