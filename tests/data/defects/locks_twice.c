// verdict: hangs
// run: plain
// says: init never ends
#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(lock);

static int __init probe_init(void)
{
	mutex_lock(&lock);
	mutex_lock(&lock); /* here */
	mutex_unlock(&lock);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
