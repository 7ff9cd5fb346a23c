#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

static struct timer_list timer;
static void tick(struct timer_list *t)
{
}

static int __init probe_init(void)
{
	char *text;

	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + HZ);
	text = kstrdup("text", GFP_KERNEL);
	if (!text) {
		del_timer_sync(&timer);
		return -ENOMEM;
	}
	kfree(text);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	del_timer_sync(&timer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
