// A cache that is destroyed while an object of it is in use.
#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *cache;
static void * volatile object;

static void set_up(void *unused)
{
}

static int __init remaining_init(void)
{
	cache = kmem_cache_create("remaining", 72, 0, 0, set_up);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	return 0;
}

static void __exit remaining_exit(void)
{
	kmem_cache_destroy(cache); /* here */
	pr_info("so long\n");
}

module_init(remaining_init);
module_exit(remaining_exit);
MODULE_LICENSE("GPL");
