// verdict: hangs
// run: plain
// says: init never ends
#include <linux/module.h>
#include <linux/completion.h>

static DECLARE_COMPLETION(never);

static int __init probe_init(void)
{
	wait_for_completion(&never); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
