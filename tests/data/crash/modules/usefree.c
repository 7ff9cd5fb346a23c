// Written to after it was freed.
#include <linux/module.h>
#include <linux/slab.h>

static int __init usefree_init(void)
{
	int *value = kmalloc(128, GFP_KERNEL);

	if (!value)
		return -ENOMEM;
	kfree(value);
	OPTIMIZER_HIDE_VAR(value);
	value[4] = 42;
	value = kmalloc(128, GFP_KERNEL);
	kfree(value);
	return 0;
}

static void __exit usefree_exit(void)
{
}

module_init(usefree_init);
module_exit(usefree_exit);
MODULE_LICENSE("GPL");
