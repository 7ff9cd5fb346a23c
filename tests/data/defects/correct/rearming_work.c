#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *q;
static void later(struct work_struct *w);
static DECLARE_DELAYED_WORK(work, later);
static void later(struct work_struct *w)
{
	queue_delayed_work(q, &work, HZ / 20);
}

static int __init probe_init(void)
{
	q = alloc_ordered_workqueue("probe_q", 0);
	if (!q)
		return -ENOMEM;
	queue_delayed_work(q, &work, 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	cancel_delayed_work_sync(&work);
	destroy_workqueue(q);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
