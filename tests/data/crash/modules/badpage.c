// A page that is given back while something is still written in its descriptor.
#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>

static int __init badpage_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	page->mapping = (struct address_space *)4;
	__free_page(page); /* here */
	return 0;
}

static void __exit badpage_exit(void)
{
}

module_init(badpage_init);
module_exit(badpage_exit);
MODULE_LICENSE("GPL");
