// verdict: leaks
// run: plain
// says: the timer that calls tick, still pending
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/timer.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "exit_forgets_its_timer", .fops = &fops };
static void tick(struct timer_list *unused);
static DEFINE_TIMER(timer, tick);

static void tick(struct timer_list *unused)
{
	mod_timer(&timer, jiffies + HZ); /* here */
}

static int __init probe_init(void)
{
	int err;

	mod_timer(&timer, jiffies + HZ);
	err = misc_register(&misc);
	if (err)
		del_timer_sync(&timer);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
