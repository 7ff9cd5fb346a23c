// verdict: crashes
// run: plain
// says: may sleep
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>

static struct hrtimer timer;
static enum hrtimer_restart tick(struct hrtimer *t)
{
	msleep(1); /* here */
	return HRTIMER_NORESTART;
}

static int __init probe_init(void)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = tick;
	hrtimer_start(&timer, ms_to_ktime(20), HRTIMER_MODE_REL);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	hrtimer_cancel(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
