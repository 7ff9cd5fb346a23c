#include <linux/module.h>

int greet(const char *whom);
void greet_quietly(void);

static int __init greet_user_init(void)
{
	greet_quietly();
	return greet("you") > 0 ? 0 : -EINVAL;
}

static void __exit greet_user_exit(void)
{
}

module_init(greet_user_init);
module_exit(greet_user_exit);
MODULE_IMPORT_NS(GREETINGS);
MODULE_SOFTDEP("pre: hello");
MODULE_LICENSE("GPL");
