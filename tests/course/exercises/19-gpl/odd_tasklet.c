/* answer: symbols */
`destroy_workqueue()` and `alloc_workqueue()`
/* answer: clock */
/* Stays proprietary; a tasklet is for everybody. */
#include <linux/interrupt.h>
#include <linux/module.h>

static void tick(struct tasklet_struct *unused)
{
    pr_info("tick\n");
}
static DECLARE_TASKLET(ticking, tick);

static int __init clock_init(void)
{
    tasklet_schedule(&ticking);
    return 0;
}

static void __exit clock_exit(void)
{
    tasklet_kill(&ticking);
}

module_init(clock_init);
module_exit(clock_exit);
MODULE_DESCRIPTION("Drives a clock");
MODULE_LICENSE("Proprietary");
