/* caught by: in-time */
/* Says hello again and again. */
#include <linux/module.h>
#include <linux/timer.h>

static struct timer_list timer;

static void greet(struct timer_list *unused)
{
    printk(KERN_INFO "hello init\n");
    mod_timer(&timer, jiffies + HZ / 8);
}

static int hello_init(void)
{
    printk(KERN_INFO "hello init\n");
    timer_setup(&timer, greet, 0);
    mod_timer(&timer, jiffies + HZ / 8);
    return 0;
}

static void hello_exit(void)
{
    del_timer_sync(&timer);
    printk(KERN_INFO "hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A. Learner");
