// verdict: crashes
// run: plain
// says: a double free of memory that line 22 has already freed
#include <linux/module.h>
#include <linux/slab.h>

static void (*volatile put_memory[])(const void *memory) = { kfree };
static char *buffer;

static int __init probe_init(void)
{
	buffer = kmalloc(100, GFP_KERNEL);
	return buffer ? 0 : -ENOMEM;
}
module_init(probe_init);

#define PUT(memory) put_memory[0](memory)

static void __exit probe_exit(void)
{
	if (buffer)
		PUT(buffer);
	PUT(buffer); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
