/* answer: symbols */
destroy_workqueue, alloc_workqueue
/* answer: clock */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

/* Each tick is memory of its own, and frees itself. */
struct beat {
    struct work_struct work;
};
static struct workqueue_struct *wq;

static void beat(struct work_struct *work)
{
    struct beat *b = container_of(work, struct beat, work);

    printk(KERN_ERR "clock: Tick!\n");
    kfree(b);
}

static int __init start(void)
{
    struct beat *b;

    wq = create_singlethread_workqueue("clock");
    if (!wq)
        return -ENOMEM;
    b = kmalloc(sizeof(*b), GFP_KERNEL);
    if (!b) {
        destroy_workqueue(wq);
        return -ENOMEM;
    }
    INIT_WORK(&b->work, beat);
    queue_work(wq, &b->work);
    return 0;
}

static void __exit stop(void)
{
    flush_workqueue(wq);
    destroy_workqueue(wq);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL and additional rights");
