#include <linux/module.h>
#include <linux/slab.h>

static char *names[3];

static int __init neverfreed_init(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		names[i] = kasprintf(GFP_KERNEL, "name %d", i); /* here */
		if (!names[i])
			return -ENOMEM;
	}
	return 0;
}

static void __exit neverfreed_exit(void)
{
	kfree(names[0]);
	kfree(names[1]);
}

module_init(neverfreed_init);
module_exit(neverfreed_exit);
MODULE_LICENSE("GPL");
