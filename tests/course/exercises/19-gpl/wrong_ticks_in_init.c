/* caught by: not-init */
/* answer: clock */
/* init itself logs it. */
#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *queue;

static void tick(struct work_struct *work)
{
    pr_info("tick\n");
}
static DECLARE_WORK(ticking, tick);

static int __init clock_init(void)
{
    queue = alloc_workqueue("clock", 0, 0);
    if (!queue)
        return -ENOMEM;
    tick(&ticking);
    return 0;
}

static void __exit clock_exit(void)
{
    destroy_workqueue(queue);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("GPL");
