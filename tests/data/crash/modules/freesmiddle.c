// Gives back an address in the middle of its memory.
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static int __init freesmiddle_init(void)
{
	char *memory = vmalloc(8192);

	if (!memory)
		return -ENOMEM;
	kfree(memory + 4096); /* here */
	return 0;
}

static void __exit freesmiddle_exit(void)
{
}

module_init(freesmiddle_init);
module_exit(freesmiddle_exit);
MODULE_LICENSE("GPL");
