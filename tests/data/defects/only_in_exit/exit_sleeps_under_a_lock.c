// verdict: crashes
// run: exit
// says: may sleep, but is called in atomic context
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

static DEFINE_SPINLOCK(lock);
static struct workqueue_struct *queue;

static int __init probe_init(void)
{
	queue = alloc_workqueue("exit_sleeps", 0, 0);
	return queue ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	spin_lock(&lock);
	destroy_workqueue(queue); /* here */
	spin_unlock(&lock);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
