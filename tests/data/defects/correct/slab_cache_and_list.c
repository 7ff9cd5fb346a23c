#include <linux/module.h>
#include <linux/list.h>
#include <linux/slab.h>

struct item {
	struct list_head list;
	int value;
};
static struct kmem_cache *cache;
static LIST_HEAD(items);

static void drop_all(void)
{
	struct item *item, *next;

	list_for_each_entry_safe(item, next, &items, list) {
		list_del(&item->list);
		kmem_cache_free(cache, item);
	}
	kmem_cache_destroy(cache);
}

static int __init probe_init(void)
{
	int count;

	cache = kmem_cache_create("good_items", sizeof(struct item), 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	for (count = 0; count < 6; count++) {
		struct item *item = kmem_cache_alloc(cache, GFP_KERNEL);

		if (!item) {
			drop_all();
			return -ENOMEM;
		}
		item->value = count;
		list_add(&item->list, &items);
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
