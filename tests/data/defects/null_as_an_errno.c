// verdict: wrong-return
// run: alloc_workqueue
// says: returned 0 although
#include <linux/module.h>
#include <linux/workqueue.h>
#include <linux/err.h>

static struct workqueue_struct *queue;

static int __init probe_init(void)
{
	queue = alloc_workqueue("probe_queue", 0, 0); /* here */
	if (!queue)
		return PTR_ERR(queue);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	if (queue)
		destroy_workqueue(queue);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
