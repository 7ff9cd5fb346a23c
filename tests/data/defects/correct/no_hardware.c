#include <linux/module.h>
#include <linux/slab.h>

/* What it is for is not there: that is no defect. */
static int __init probe_init(void)
{
	char *buffer = kmalloc(64, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	kfree(buffer);
	return -ENODEV;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
