#include <linux/module.h>

static int __init probe_init(void)
{
	pr_info("hello\n");
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	pr_info("bye\n");
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
