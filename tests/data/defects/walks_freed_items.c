// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/list.h>
#include <linux/slab.h>

struct item { struct list_head list; int n; };
static LIST_HEAD(items);

static int __init probe_init(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct item *item = kmalloc(sizeof(*item), GFP_KERNEL);

		if (!item)
			break;
		list_add(&item->list, &items);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	struct item *item;

	list_for_each_entry(item, &items, list) /* here */
		kfree(item);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
