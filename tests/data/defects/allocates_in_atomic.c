// verdict: crashes
// run: plain
// says: may sleep
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(lock);
static char *buffer;

static int __init probe_init(void)
{
	spin_lock(&lock);
	buffer = kmalloc(64, GFP_KERNEL); /* here */
	spin_unlock(&lock);
	return buffer ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
