#include <linux/module.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

static long __percpu *counters;
static struct page *page;
static unsigned long pages;
static char *text, *large;
static void *mapped;

static void drop_all(void)
{
	free_percpu(counters);
	if (page)
		put_page(page);
	free_pages(pages, 1);
	kvfree(large);
	vfree(mapped);
	kfree(text);
}

static int __init probe_init(void)
{
	char *longer;

	counters = alloc_percpu(long);
	page = alloc_page(GFP_KERNEL);
	pages = __get_free_pages(GFP_KERNEL, 1);
	large = kvmalloc(300000, GFP_KERNEL);
	mapped = vzalloc(10000);
	text = kasprintf(GFP_KERNEL, "%d bottles", 99);
	longer = text ? krealloc(text, 300, GFP_KERNEL) : NULL;
	if (longer)
		text = longer;
	if (!counters || !page || !pages || !large || !mapped || !longer) {
		drop_all();
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	drop_all();
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
