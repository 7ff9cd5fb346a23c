#include <linux/module.h>
#include <linux/slab.h>

static int length = 13;
module_param(length, int, 0);

static noinline void fill(char *text)
{
	int i;

	for (i = 0; i <= length; i++)
		text[i] = 'x'; /* here */
}

static int __init outofbounds_init(void)
{
	char *text = kmalloc(length, GFP_KERNEL);

	if (!text)
		return -ENOMEM;
	fill(text);
	kfree(text);
	return 0;
}

static void __exit outofbounds_exit(void)
{
}

module_init(outofbounds_init);
module_exit(outofbounds_exit);
MODULE_LICENSE("GPL");
