// verdict: leaks
// run: plain
// says: the I/O region
#include <linux/module.h>
#include <linux/ioport.h>

static int __init probe_init(void)
{
	return request_region(0x300, 8, "probe_ports") ? 0 : -EBUSY; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
