// verdict: leaks
// run: kzalloc 3
// says: 32 bytes of memory
#include <linux/module.h>
#include <linux/slab.h>

static char *parts[4];

static int __init probe_init(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		parts[i] = kzalloc(32, GFP_KERNEL); /* here */
		if (!parts[i])
			return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	int i;

	for (i = 0; i < 4; i++)
		kfree(parts[i]);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
