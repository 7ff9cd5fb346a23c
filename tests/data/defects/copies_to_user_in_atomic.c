// verdict: crashes
// run: plain
// says: may sleep
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

static DEFINE_SPINLOCK(lock);
static char buf[8];

static int __init probe_init(void)
{
	unsigned long left;

	spin_lock(&lock);
	left = copy_to_user((void __user *)buf, buf, 8); /* here */
	spin_unlock(&lock);
	return left > 8;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
