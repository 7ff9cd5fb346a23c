#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);
static char *buffer;

static int __init sleepslocked_init(void)
{
	spin_lock(&lock);
	buffer = kmalloc(100, GFP_KERNEL); /* here */
	spin_unlock(&lock);
	return buffer ? 0 : -ENOMEM;
}

static void __exit sleepslocked_exit(void)
{
	kfree(buffer);
}

module_init(sleepslocked_init);
module_exit(sleepslocked_exit);
MODULE_LICENSE("GPL");
