// The error path frees, and so does exit.
#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;

static int __init doublefree_init(void)
{
	buffer = kmalloc(192, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	kfree(buffer);
	return 0;
}

static void __exit doublefree_exit(void)
{
	kfree(buffer); /* here */
	pr_info("freed\n");
}

module_init(doublefree_init);
module_exit(doublefree_exit);
MODULE_LICENSE("GPL");
