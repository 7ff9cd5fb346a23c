// verdict: crashes
// run: exit
// says: `kthread_stop()` was called for a thread that has ended already
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/kthread.h>

static struct task_struct *thread;

static int run(void *data)
{
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_run(run, NULL, "short_lived");
	return PTR_ERR_OR_ZERO(thread);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	msleep(300);
	kthread_stop(thread); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
