// A thread that takes the same mutex twice.
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(lock);
static struct task_struct *thread;

static noinline void take_again(void)
{
	mutex_lock(&lock); /* here */
	mutex_unlock(&lock);
}

static int worker(void *unused)
{
	mutex_lock(&lock);
	take_again();
	mutex_unlock(&lock);
	return 0;
}

static int __init hungtask_init(void)
{
	thread = kthread_run(worker, NULL, "greedy");
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit hungtask_exit(void)
{
}

module_init(hungtask_init);
module_exit(hungtask_exit);
MODULE_LICENSE("GPL");
