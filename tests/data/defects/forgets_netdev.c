// verdict: leaks
// run: plain
// says: the network device probe0
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/etherdevice.h>

static const struct net_device_ops ops = {};
static struct net_device *device;

static int __init probe_init(void)
{
	int err;

	device = alloc_netdev(0, "probe%d", NET_NAME_UNKNOWN, ether_setup);
	if (!device)
		return -ENOMEM;
	device->netdev_ops = &ops;
	err = register_netdev(device); /* here */
	if (err)
		free_netdev(device);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
