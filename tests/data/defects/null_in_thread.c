// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/err.h>

static struct task_struct *thread;
static int * volatile pointer;

static int work(void *data)
{
	*pointer = 1; /* here */
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_run(work, NULL, "probe_thread");
	return PTR_ERR_OR_ZERO(thread);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
