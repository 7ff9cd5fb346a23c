// A timer that crashes while init of the same module runs.
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/jiffies.h>

static struct timer_list timer;
static int * volatile answer;
static volatile int is_over;

static void on_timer(struct timer_list *unused)
{
	is_over = *answer; /* here */
}

static int __init interrupted_init(void)
{
	unsigned long end = jiffies + HZ;

	timer_setup(&timer, on_timer, 0);
	mod_timer(&timer, jiffies + HZ / 10);
	while (time_before(jiffies, end) && !is_over)
		cpu_relax();
	return 0;
}

static void __exit interrupted_exit(void)
{
}

module_init(interrupted_init);
module_exit(interrupted_exit);
MODULE_LICENSE("GPL");
