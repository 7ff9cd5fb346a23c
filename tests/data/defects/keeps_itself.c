// verdict: leaks
// run: plain
// says: the module itself
#include <linux/module.h>

static int __init probe_init(void)
{
	__module_get(THIS_MODULE); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
