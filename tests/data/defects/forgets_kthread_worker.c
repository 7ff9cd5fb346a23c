// verdict: leaks
// run: plain
// says: worker
#include <linux/module.h>
#include <linux/err.h>
#include <linux/kthread.h>

static struct kthread_worker *w;

static int __init probe_init(void)
{
	w = kthread_create_worker(0, "probe_w"); /* here */
	return PTR_ERR_OR_ZERO(w);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
