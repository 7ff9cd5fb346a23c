// Work that follows a NULL pointer, in a thread of the kernel.
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/workqueue.h>

static int * volatile answer;

static void on_work(struct work_struct *unused)
{
	pr_info("the answer is %d\n", *answer); /* here */
}

static DECLARE_WORK(work, on_work);

static int __init nullwork_init(void)
{
	schedule_work(&work);
	msleep(100);
	return 0;
}

static void __exit nullwork_exit(void)
{
}

module_init(nullwork_init);
module_exit(nullwork_exit);
MODULE_LICENSE("GPL");
