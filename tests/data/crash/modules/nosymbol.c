// A function that no kernel and no loaded module exports.
#include <linux/module.h>

extern int there_is_no_such_function(int);

static int __init nosymbol_init(void)
{
	return there_is_no_such_function(1);
}

static void __exit nosymbol_exit(void)
{
}

module_init(nosymbol_init);
module_exit(nosymbol_exit);
MODULE_LICENSE("GPL");
