// verdict: leaks
// run: plain
// says: the kernel thread probe_thread
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/err.h>

static struct task_struct *thread;

static int work(void *data)
{
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_run(work, NULL, "probe_thread"); /* here */
	return PTR_ERR_OR_ZERO(thread);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
