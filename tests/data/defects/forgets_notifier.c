// verdict: leaks
// run: plain
// says: the notifier
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>

static int on_reboot(struct notifier_block *unused, unsigned long action, void *data)
{
	return NOTIFY_DONE;
}
static struct notifier_block block = { .notifier_call = on_reboot };

static int __init probe_init(void)
{
	return register_reboot_notifier(&block); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
