/* answer: clock */
/* A thread of its own ticks, and is stopped. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

static struct task_struct *clockwork;

static int run(void *unused)
{
    while (!kthread_should_stop()) {
        pr_info("tick\n");
        schedule_timeout_interruptible(HZ);
    }
    return 0;
}

static int __init clock_init(void)
{
    clockwork = kthread_run(run, NULL, "clockwork");
    return PTR_ERR_OR_ZERO(clockwork);
}

static void __exit clock_exit(void)
{
    kthread_stop(clockwork);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
