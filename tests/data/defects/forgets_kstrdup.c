// verdict: leaks
// run: plain
// says: memory
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *text;

static int __init probe_init(void)
{
	text = kstrdup("a text", GFP_KERNEL); /* here */
	return text ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
