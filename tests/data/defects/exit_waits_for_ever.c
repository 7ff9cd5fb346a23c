// verdict: hangs
// run: plain
// says: exit never ends
#include <linux/module.h>
#include <linux/completion.h>

static DECLARE_COMPLETION(never);

static int __init probe_init(void)
{
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	wait_for_completion(&never); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
