// verdict: leaks
// run: plain
// says: the class probe_class
#include <linux/module.h>
#include <linux/device.h>

static struct class *class;

static int __init probe_init(void)
{
	class = class_create(THIS_MODULE, "probe_class"); /* here */
	return PTR_ERR_OR_ZERO(class);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
