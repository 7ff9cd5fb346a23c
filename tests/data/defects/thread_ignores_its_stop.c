// verdict: hangs
// run: plain
// says: exit never ends
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>

static struct task_struct *thread;
static int work(void *data)
{
	while (1)
		msleep(10);
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_run(work, NULL, "probe_deaf");
	return PTR_ERR_OR_ZERO(thread);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kthread_stop(thread); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
