// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct box {
	struct timer_list timer;
	int ticks;
};
static struct box *box;

static void tick(struct timer_list *timer)
{
	from_timer(box, timer, timer)->ticks++;
}

static int __init probe_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	if (!box)
		return -ENOMEM;
	timer_setup(&box->timer, tick, 0);
	mod_timer(&box->timer, jiffies + HZ / 5);
	kfree(box); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
