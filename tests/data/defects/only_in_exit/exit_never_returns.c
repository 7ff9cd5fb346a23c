// verdict: hangs
// run: exit
// says: exit never ends
#include <linux/module.h>
#include <linux/completion.h>
#include <linux/proc_fs.h>

static const struct proc_ops ops = {};
static DECLARE_COMPLETION(never);

static int __init probe_init(void)
{
	if (!proc_mkdir("exit_never_returns", NULL))
		return -ENOMEM;
	if (!proc_create("exit_never_returns/entry", 0444, NULL, &ops)) {
		remove_proc_entry("exit_never_returns", NULL);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	remove_proc_subtree("exit_never_returns", NULL);
	wait_for_completion(&never); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
