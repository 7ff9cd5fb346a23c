// A timer callback that follows a NULL pointer.
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/delay.h>

struct job {
	unsigned long id;
	int *answer;
};

static struct job job;
static struct timer_list timer;

static noinline int look_up(struct job *j)
{
	return *j->answer; /* here */
}

static void on_timer(struct timer_list *t)
{
	job.id += look_up(&job);
}

static int __init nulltimer_init(void)
{
	timer_setup(&timer, on_timer, 0);
	mod_timer(&timer, jiffies + HZ / 5);
	msleep(1000);
	return 0;
}

static void __exit nulltimer_exit(void)
{
	del_timer_sync(&timer);
}

module_init(nulltimer_init);
module_exit(nulltimer_exit);
MODULE_LICENSE("GPL");
