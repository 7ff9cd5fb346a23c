// verdict: leaks
// run: plain
// says: the workqueue
#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *queue;

static int __init probe_init(void)
{
	queue = alloc_workqueue("probe_queue", 0, 0); /* here */
	return queue ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
