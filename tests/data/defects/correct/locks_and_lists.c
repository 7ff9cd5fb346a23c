#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(mutex);
static char *buffers[2];

static int __init probe_init(void)
{
	mutex_lock(&mutex);
	buffers[0] = kmalloc(64, GFP_KERNEL);
	mutex_unlock(&mutex);
	spin_lock(&lock);
	buffers[1] = kmalloc(64, GFP_ATOMIC);
	spin_unlock(&lock);
	if (!buffers[0] || !buffers[1]) {
		kfree(buffers[0]);
		kfree(buffers[1]);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffers[0]);
	kfree(buffers[1]);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
