/* caught by: in-time */
/* A work item says goodbye while the module is still loaded. */
#include <linux/module.h>
#include <linux/workqueue.h>

static void leave(struct work_struct *unused)
{
    printk(KERN_INFO "hello exit\n");
}

static DECLARE_DELAYED_WORK(leaving, leave);

static int hello_init(void)
{
    printk(KERN_INFO "hello init\n");
    schedule_delayed_work(&leaving, HZ / 10);
    return 0;
}

static void hello_exit(void)
{
    cancel_delayed_work_sync(&leaving);
    printk(KERN_INFO "hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A. Learner");
