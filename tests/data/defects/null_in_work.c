// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>
#include <linux/workqueue.h>

static int * volatile pointer;

static void later(struct work_struct *unused)
{
	*pointer = 1; /* here */
}
static DECLARE_WORK(work, later);

static int __init probe_init(void)
{
	schedule_work(&work);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	cancel_work_sync(&work);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
