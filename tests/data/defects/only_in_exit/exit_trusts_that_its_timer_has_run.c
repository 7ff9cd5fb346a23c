// verdict: leaks
// run: plain
// says: the timer that calls tick, still pending
#include <linux/module.h>
#include <linux/debugfs.h>
#include <linux/timer.h>

static struct dentry *folder;

static void tick(struct timer_list *unused)
{
	pr_info("exit_trusts: tick\n");
}
static DEFINE_TIMER(timer, tick);

static int __init probe_init(void)
{
	folder = debugfs_create_dir("exit_trusts", NULL);
	mod_timer(&timer, jiffies + HZ); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	debugfs_remove_recursive(folder);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
