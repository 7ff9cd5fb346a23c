"""API changes of network devices: their members of before, and NAPI."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import Change, changes

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.31",
        "linux/netdevice.h",
        (
            "net_device.stop",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_stop = my_stop };",
        ),
        (
            "net_device.tx_timeout",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_tx_timeout = my_timeout };",
        ),
        (
            "net_device.do_ioctl",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_do_ioctl = my_ioctl };",
        ),
        (
            "net_device.change_mtu",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_change_mtu = my_mtu };",
        ),
        (
            "net_device.set_mac_address",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_set_mac_address = eth_mac_addr };",
        ),
        (
            "net_device.set_multicast_list",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_set_rx_mode = my_rx_mode };",
        ),
    ),
    *changes(
        "gone",
        "2.6.24",
        "linux/netdevice.h",
        (
            "net_device.poll",
            N_("a device has a napi_struct with its poll function"),
            "netif_napi_add(dev, &napi, my_poll);",
        ),
        (
            "net_device.weight",
            N_("the weight belongs to the napi_struct"),
            "netif_napi_add(dev, &napi, my_poll);",
        ),
        (
            "net_device.quota",
            N_("the poll function gets its budget as an argument, and returns what it used"),
            "static int my_poll(struct napi_struct *n, int budget) { return 0; }",
        ),
        (
            "net_device.rebuild_header",
            N_("leave it out; header functions are in a struct header_ops"),
            "static const struct header_ops my_header_ops = { .create = eth_header };",
        ),
    ),
    *changes(
        "gone",
        "2.6.24–2.6.30",
        "linux/netdevice.h",
        ("netif_rx_schedule()", N_("use napi_schedule() with the napi_struct"), "napi_schedule(&napi);"),
        ("netif_rx_complete()", N_("use napi_complete_done() with the napi_struct"), "napi_complete_done(&napi, 0);"),
    ),
    *changes(
        "gone",
        "2.6.34–2.6.35",
        "linux/netdevice.h",
        (
            "net_device.mc_list",
            N_("go through the addresses with netdev_for_each_mc_addr()"),
            'netdev_for_each_mc_addr(address, dev) pr_info("%pM\\n", address->addr);',
        ),
        ("net_device.mc_count", N_("ask with netdev_mc_count()"), 'pr_info("%d\\n", netdev_mc_count(dev));'),
    ),
    *changes(
        "gone",
        "4.11",
        "linux/netdevice.h",
        ("net_device.last_rx", N_("leave it out: nothing reads it"), "netif_rx(skb);"),
    ),
    *changes(
        "gone",
        "4.19–6.1",
        "linux/etherdevice.h",
        (
            "eth_change_mtu()",
            N_("leave ndo_change_mtu out: the kernel keeps to min_mtu and max_mtu"),
            "dev->max_mtu = 1500;",
        ),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/netdevice.h",
        (
            "header_ops.rebuild",
            N_("leave it out: the neighbour table completes the header"),
            "static const struct header_ops my_header_ops = { .create = eth_header };",
        ),
    ),
)
