// verdict: leaks
// run: plain
// says: the bus probe_bus
#include <linux/module.h>
#include <linux/device.h>

static struct bus_type bus = { .name = "probe_bus" };

static int __init probe_init(void)
{
	return bus_register(&bus); /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
