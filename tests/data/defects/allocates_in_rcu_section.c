// verdict: crashes
// run: plain
// says: may sleep
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

static char *p;

static int __init probe_init(void)
{
	rcu_read_lock();
	p = kmalloc(32, GFP_KERNEL); /* here */
	rcu_read_unlock();
	return p ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(p);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
