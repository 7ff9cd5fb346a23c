// verdict: leaks
// run: kzalloc
// says: mutex
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static DEFINE_MUTEX(lock);
static char *p;

static int __init probe_init(void)
{
	mutex_lock(&lock); /* here */
	p = kzalloc(32, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	mutex_unlock(&lock);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
