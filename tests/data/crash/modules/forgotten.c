// Exit ends with a call, and takes away what was never registered.
#include <linux/module.h>
#include <linux/miscdevice.h>

static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "forgotten" };

static int __init forgotten_init(void)
{
	return 0;
}

static void __exit forgotten_exit(void)
{
	pr_info("so long\n");
	misc_deregister(&device); /* here */
}

module_init(forgotten_init);
module_exit(forgotten_exit);
MODULE_LICENSE("GPL");
