// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static int __init probe_init(void)
{
	char *text = kstrdup("gone", GFP_KERNEL);
	char *copy = kmalloc(8, GFP_KERNEL);

	if (text && copy) {
		strcpy(copy, text);
		kfree(copy);
		pr_info("%s\n", copy); /* here */
	}
	kfree(text);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
