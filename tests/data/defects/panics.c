// verdict: crashes
// run: plain
// says: panic
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/panic.h>

static int __init probe_init(void)
{
	panic("on purpose"); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
