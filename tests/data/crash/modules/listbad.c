// The same entry deleted twice.
#include <linux/module.h>
#include <linux/list.h>

static LIST_HEAD(items);
static struct list_head item;

static noinline void drop(struct list_head *entry)
{
	list_del(entry); /* here */
}

static int __init listbad_init(void)
{
	list_add(&item, &items);
	drop(&item);
	drop(&item);
	return 0;
}

static void __exit listbad_exit(void)
{
}

module_init(listbad_init);
module_exit(listbad_exit);
MODULE_LICENSE("GPL");
