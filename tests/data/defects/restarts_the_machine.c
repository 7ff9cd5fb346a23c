// verdict: crashes
// run: plain
// says: rebooted
#include <linux/module.h>
#include <linux/reboot.h>

static int __init probe_init(void)
{
	kernel_restart(NULL); /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
