// A warning with words.
#include <linux/module.h>

static int __init warnstext_init(void)
{
	WARN(1, "%d users left\n", 3); /* here */
	return 0;
}

static void __exit warnstext_exit(void)
{
}

module_init(warnstext_init);
module_exit(warnstext_exit);
MODULE_LICENSE("GPL");
