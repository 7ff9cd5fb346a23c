// verdict: crashes
// run: exit
// says: use after free: memory is freed while the timer in it is pending
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct egg {
	struct timer_list timer;
	int minutes;
};
static struct egg *egg;

static void ring(struct timer_list *timer)
{
	struct egg *ready = container_of(timer, struct egg, timer);

	pr_info("exit_frees_under: %d minutes\n", ready->minutes);
}

static int __init probe_init(void)
{
	egg = kzalloc(sizeof(*egg), GFP_KERNEL);
	if (!egg)
		return -ENOMEM;
	egg->minutes = 6;
	timer_setup(&egg->timer, ring, 0);
	mod_timer(&egg->timer, jiffies + HZ);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(egg); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
