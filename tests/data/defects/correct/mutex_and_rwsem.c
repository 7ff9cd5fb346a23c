#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static DEFINE_MUTEX(a);
static DECLARE_RWSEM(s);
static char *p;

static int __init probe_init(void)
{
	int err = 0;

	mutex_lock(&a);
	down_write(&s);
	p = kzalloc(32, GFP_KERNEL);
	if (!p)
		err = -ENOMEM;
	up_write(&s);
	mutex_unlock(&a);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	mutex_lock(&a);
	kfree(p);
	mutex_unlock(&a);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
