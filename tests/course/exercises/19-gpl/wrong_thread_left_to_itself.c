/* caught by: not-init,stops,again */
/* answer: clock */
/* The thread ends by itself, and nobody waits for it. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

static int run(void *unused)
{
    pr_info("tick\n");
    msleep(300);
    return 0;
}

static int __init clock_init(void)
{
    return PTR_ERR_OR_ZERO(kthread_run(run, NULL, "clockwork"));
}

static void __exit clock_exit(void)
{
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
