// verdict: leaks
// run: plain
// says: pages
#include <linux/module.h>
#include <linux/gfp.h>

static unsigned long page;

static int __init probe_init(void)
{
	page = __get_free_pages(GFP_KERNEL, 1); /* here */
	return page ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
