/* caught by: greets in-time */
/* A timer says hello, a second later. */
#include <linux/module.h>
#include <linux/timer.h>

static void greet(struct timer_list *unused)
{
    pr_info("hello init\n");
}
static DEFINE_TIMER(greeting, greet);

static int hello_init(void)
{
    mod_timer(&greeting, jiffies + HZ);
    return 0;
}

static void hello_exit(void)
{
    del_timer_sync(&greeting);
    printk(KERN_INFO "hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A. Learner");
