// An object that is put without having been set up.
#include <linux/module.h>
#include <linux/kobject.h>

static struct kobject object;

static int __init putobject_init(void)
{
	kobject_put(&object); /* here */
	return 0;
}

static void __exit putobject_exit(void)
{
}

module_init(putobject_init);
module_exit(putobject_exit);
MODULE_LICENSE("GPL");
