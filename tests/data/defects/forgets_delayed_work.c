// verdict: leaks
// run: plain
// says: the delayed work item that calls later
#include <linux/module.h>
#include <linux/workqueue.h>

static void later(struct work_struct *unused)
{
}
static DECLARE_DELAYED_WORK(work, later);

static int __init probe_init(void)
{
	schedule_delayed_work(&work, 30 * HZ); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
