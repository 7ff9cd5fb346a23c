// verdict: leaks
// run: plain
// says: 32 bytes of memory
#include <linux/module.h>
#include <linux/slab.h>

static char *parts[3];

static int __init probe_init(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		parts[i] = kzalloc(32, GFP_KERNEL); /* here */
		if (!parts[i])
			goto fail;
	}
	return 0;
fail:
	while (i--)
		kfree(parts[i]);
	return -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(parts[0]);
	kfree(parts[1]);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
