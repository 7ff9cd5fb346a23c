#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/sysctl.h>

static int value;
static struct ctl_table table[] = {
	{ .procname = "good_value", .data = &value, .maxlen = sizeof(value), .mode = 0644, .proc_handler = proc_dointvec },
	{}
};
static struct ctl_table_header *header;

static int on_event(struct notifier_block *unused, unsigned long event, void *data)
{
	return NOTIFY_DONE;
}
static struct notifier_block block = { .notifier_call = on_event };

static int __init probe_init(void)
{
	int err = register_netdevice_notifier(&block);

	if (err)
		return err;
	header = register_sysctl("kernel", table);
	if (!header) {
		unregister_netdevice_notifier(&block);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	unregister_sysctl_table(header);
	unregister_netdevice_notifier(&block);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
