// Exit ends with a call, so that the compiler makes it a jump: the thread has ended before.
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>

static struct task_struct *thread;

static int work(void *unused)
{
	return 0;
}

static int __init stopsdead_init(void)
{
	thread = kthread_run(work, NULL, "shortlived");
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit stopsdead_exit(void)
{
	msleep(300);
	kthread_stop(thread); /* here */
}

module_init(stopsdead_init);
module_exit(stopsdead_exit);
MODULE_LICENSE("GPL");
