// verdict: hangs
// run: plain
// says:
#include <linux/module.h>
#include <linux/timer.h>

static struct timer_list timer;
static volatile int count;
static void tick(struct timer_list *t)
{
	while (1)
		count++; /* here */
}

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + 5);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	del_timer_sync(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
