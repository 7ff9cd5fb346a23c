// verdict: leaks
// run: plain
// says: the hrtimer that calls tick
#include <linux/module.h>
#include <linux/hrtimer.h>

static struct hrtimer timer;

static enum hrtimer_restart tick(struct hrtimer *unused)
{
	return HRTIMER_NORESTART;
}

static int __init probe_init(void)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = tick;
	hrtimer_start(&timer, ktime_set(30, 0), HRTIMER_MODE_REL); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
