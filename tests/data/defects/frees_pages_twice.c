// verdict: crashes
// run: plain
// says:
#include <linux/module.h>
#include <linux/gfp.h>

static unsigned long p;

static int __init probe_init(void)
{
	p = __get_free_page(GFP_KERNEL);
	return p ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	free_page(p);
	free_page(p); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
