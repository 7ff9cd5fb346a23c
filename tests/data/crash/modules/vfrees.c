// Gives back memory that was not got there.
#include <linux/module.h>
#include <linux/vmalloc.h>

static int __init vfrees_init(void)
{
	vfree((void *)(VMALLOC_START + 12)); /* here */
	return 0;
}

static void __exit vfrees_exit(void)
{
}

module_init(vfrees_init);
module_exit(vfrees_exit);
MODULE_LICENSE("GPL");
