#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

static struct workqueue_struct *queue;

static void later(struct work_struct *work)
{
	kfree(kmalloc(40, GFP_KERNEL));
}
static DECLARE_WORK(once, later);

static void again(struct work_struct *work);
static DECLARE_DELAYED_WORK(often, again);

static void again(struct work_struct *work)
{
	queue_delayed_work(queue, &often, HZ / 50);
}

static int __init probe_init(void)
{
	queue = alloc_workqueue("good_queue", WQ_MEM_RECLAIM, 0);
	if (!queue)
		return -ENOMEM;
	queue_work(queue, &once);
	queue_delayed_work(queue, &often, 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	cancel_delayed_work_sync(&often);
	destroy_workqueue(queue);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
