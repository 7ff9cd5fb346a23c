#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>

static struct task_struct *threads[2];

static int work(void *data)
{
	while (!kthread_should_stop())
		msleep_interruptible(10);
	return 0;
}

static int __init probe_init(void)
{
	threads[0] = kthread_run(work, NULL, "good_thread/%d", 0);
	if (IS_ERR(threads[0]))
		return PTR_ERR(threads[0]);
	threads[1] = kthread_run(work, NULL, "good_thread/%d", 1);
	if (IS_ERR(threads[1])) {
		kthread_stop(threads[0]);
		return PTR_ERR(threads[1]);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kthread_stop(threads[1]);
	kthread_stop(threads[0]);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
