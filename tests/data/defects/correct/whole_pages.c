#include <linux/module.h>
#include <linux/gfp.h>

static unsigned long a, b;
static struct page *p;

static int __init probe_init(void)
{
	a = __get_free_page(GFP_KERNEL);
	b = get_zeroed_page(GFP_KERNEL);
	p = alloc_pages(GFP_KERNEL, 2);
	if (!a || !b || !p) {
		free_page(a);
		free_page(b);
		if (p)
			__free_pages(p, 2);
		return -ENOMEM;
	}
	free_page(b);
	b = 0;
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	free_page(a);
	free_page(b);
	__free_pages(p, 2);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
