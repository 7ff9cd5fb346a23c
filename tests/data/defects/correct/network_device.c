#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/etherdevice.h>

static struct net_device *device;

static netdev_tx_t on_transmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}
static const struct net_device_ops ops = { .ndo_start_xmit = on_transmit };

static void set_up(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &ops;
	eth_hw_addr_random(dev);
}

static int __init probe_init(void)
{
	int err;

	device = alloc_netdev(64, "good%d", NET_NAME_UNKNOWN, set_up);
	if (!device)
		return -ENOMEM;
	err = register_netdev(device);
	if (err)
		free_netdev(device);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	unregister_netdev(device);
	free_netdev(device);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
