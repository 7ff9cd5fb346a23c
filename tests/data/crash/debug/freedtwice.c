#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;

static int __init freedtwice_init(void)
{
	buffer = kmalloc(100, GFP_KERNEL);
	return buffer ? 0 : -ENOMEM;
}

static noinline void clean_up(void)
{
	kfree(buffer);
}

static void __exit freedtwice_exit(void)
{
	clean_up();
	kfree(buffer); /* here */
}

module_init(freedtwice_init);
module_exit(freedtwice_exit);
MODULE_LICENSE("GPL");
