// verdict: leaks
// run: plain
// says: the kprobe
#include <linux/module.h>
#include <linux/kprobes.h>

static int before(struct kprobe *unused, struct pt_regs *regs)
{
	return 0;
}
static struct kprobe probe = { .symbol_name = "do_sys_open", .pre_handler = before };

static int __init probe_init(void)
{
	return register_kprobe(&probe); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
