// verdict: leaks
// run: plain
// says: object
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *cache;
static void *p;

static int __init probe_init(void)
{
	cache = kmem_cache_create("probe_c", 48, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	p = kmem_cache_alloc(cache, GFP_KERNEL); /* here */
	if (!p) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kmem_cache_destroy(cache);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
