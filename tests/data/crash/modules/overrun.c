// One byte too many.
#include <linux/module.h>
#include <linux/slab.h>

static unsigned int length = 64;
module_param(length, uint, 0444);

static noinline void fill(char *buffer, unsigned int count)
{
	unsigned int i;

	for (i = 0; i <= count; i++)
		buffer[i] = 'x';
}

static int __init overrun_init(void)
{
	char *buffer = kmalloc(length, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	fill(buffer, length);
	kfree(buffer);
	return 0;
}

static void __exit overrun_exit(void)
{
}

module_init(overrun_init);
module_exit(overrun_exit);
MODULE_LICENSE("GPL");
