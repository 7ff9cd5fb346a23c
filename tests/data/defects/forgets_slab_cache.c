// verdict: leaks
// run: plain
// says: the slab cache
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *cache;

static int __init probe_init(void)
{
	cache = kmem_cache_create("probe_cache", 72, 0, SLAB_HWCACHE_ALIGN, NULL); /* here */
	return cache ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
