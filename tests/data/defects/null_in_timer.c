// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>
#include <linux/timer.h>

static int * volatile pointer;
static struct timer_list timer;

static void tick(struct timer_list *unused)
{
	*pointer = 1; /* here */
}

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + HZ / 10);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	del_timer_sync(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
