// verdict: leaks
// run: plain
// says: the sysctl
#include <linux/module.h>
#include <linux/sysctl.h>

static int value;
static struct ctl_table table[] = {
	{ .procname = "probe_value", .data = &value, .maxlen = sizeof(value), .mode = 0644, .proc_handler = proc_dointvec },
	{}
};
static struct ctl_table_header *header;

static int __init probe_init(void)
{
	header = register_sysctl("kernel", table); /* here */
	return header ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
