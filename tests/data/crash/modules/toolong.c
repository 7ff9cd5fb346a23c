// A string that is too long for its place.
#include <linux/module.h>
#include <linux/string.h>

static char *name = "a name of some length";
module_param(name, charp, 0444);

static struct {
	char name[8];
	int id;
} entry;

static int __init toolong_init(void)
{
	strcpy(entry.name, name); /* here */
	return entry.id;
}

static void __exit toolong_exit(void)
{
}

module_init(toolong_init);
module_exit(toolong_exit);
MODULE_LICENSE("GPL");
