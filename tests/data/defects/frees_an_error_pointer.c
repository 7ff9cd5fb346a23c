// verdict: crashes
// run: class_create
// says:
#include <linux/module.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/slab.h>

static struct class * volatile cls;

static int __init probe_init(void)
{
	cls = class_create(THIS_MODULE, "probe_cls");
	if (IS_ERR(cls)) {
		kfree(cls); /* here */
		return PTR_ERR(cls);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	class_destroy(cls);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
