// verdict: leaks
// run: misc_register
// says: the timer that calls tick
#include <linux/module.h>
#include <linux/timer.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;
static struct timer_list timer;

static void tick(struct timer_list *unused)
{
}

static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + 60 * HZ); /* here */
	return misc_register(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
	del_timer_sync(&timer);
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
