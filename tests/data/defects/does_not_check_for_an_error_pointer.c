// verdict: crashes
// run: kthread_create
// says:
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>

static struct task_struct *thread;

static int work(void *data)
{
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_create(work, NULL, "probe_thread");
	wake_up_process(thread); /* here */
	return PTR_ERR_OR_ZERO(thread);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kthread_stop(thread);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
