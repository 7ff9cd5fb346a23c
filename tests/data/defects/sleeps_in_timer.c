// verdict: crashes
// run: plain
// says: may sleep
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(lock);
static struct timer_list timer;

static void tick(struct timer_list *unused)
{
	mutex_lock(&lock); /* here */
	mutex_unlock(&lock);
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
