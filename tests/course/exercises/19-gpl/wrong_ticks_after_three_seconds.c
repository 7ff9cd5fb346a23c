/* caught by: ticks */
/* answer: clock */
#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *queue;

static void tick(struct work_struct *work);
static DECLARE_DELAYED_WORK(ticking, tick);

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
}

static int __init clock_init(void)
{
    queue = alloc_workqueue("clock", 0, 0);
    if (!queue)
        return -ENOMEM;
    queue_delayed_work(queue, &ticking, 3 * HZ);
    return 0;
}

static void __exit clock_exit(void)
{
    cancel_delayed_work_sync(&ticking);
    destroy_workqueue(queue);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
