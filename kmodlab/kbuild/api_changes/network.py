"""API changes of networking."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, READ_ONLY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.31",
        "linux/netdevice.h",
        (
            "net_device.hard_start_xmit",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_start_xmit = my_xmit };",
        ),
        (
            "net_device.open",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_open = my_open };",
        ),
        (
            "net_device.get_stats",
            N_("the functions are in a struct net_device_ops"),
            "static const struct net_device_ops my_ops = { .ndo_get_stats = my_stats };",
        ),
    ),
    *changes(
        "gone",
        "2.6.29",
        "linux/netdevice.h",
        ("net_device.priv", N_("ask with netdev_priv()"), "void *mine = netdev_priv(dev);"),
    ),
    *changes(
        "gone",
        "4.7",
        "linux/netdevice.h",
        ("net_device.trans_start", N_("use netif_trans_update()"), "netif_trans_update(dev);"),
    ),
    *changes(
        "changed",
        "3.17",
        "linux/netdevice.h",
        (
            "alloc_netdev()",
            N_("it takes where the name comes from as well"),
            'dev = alloc_netdev(0, "mine%d", NET_NAME_UNKNOWN, ether_setup);',
            FEW,
        ),
    ),
    *changes(
        "gone",
        "5.18–6.1",
        "linux/netdevice.h",
        ("netif_rx_ni()", N_("netif_rx() may be called everywhere"), "netif_rx(skb);"),
    ),
    *changes(
        "changed",
        "6.1",
        "linux/netdevice.h",
        ("netif_napi_add()", N_("it takes no weight"), "netif_napi_add(dev, &napi, poll);", MANY),
    ),
    *changes(
        "changed",
        "2.6.24",
        "linux/netdevice.h",
        ("dev_get_by_name()", N_("it takes the namespace as well"), 'dev = dev_get_by_name(&init_net, "lo");', FEW),
        ("for_each_netdev()", N_("it takes the namespace as well"), "for_each_netdev(&init_net, dev)", FEW),
    ),
    *changes(
        "gone",
        "2.6.22",
        "linux/skbuff.h",
        ("sk_buff.nh", N_("ask with ip_hdr()"), "struct iphdr *header = ip_hdr(skb);"),
        ("sk_buff.h", N_("ask with tcp_hdr()"), "struct tcphdr *header = tcp_hdr(skb);"),
        ("sk_buff.mac", N_("ask with eth_hdr()"), "struct ethhdr *header = eth_hdr(skb);"),
    ),
    *changes(
        "gone",
        "2.6.31",
        "linux/skbuff.h",
        ("sk_buff.dst", N_("ask with skb_dst()"), "struct dst_entry *dst = skb_dst(skb);"),
    ),
    *changes(
        "changed",
        "2.6.18",
        "linux/skbuff.h",
        ("skb_linearize()", N_("it takes the packet only"), "if (skb_linearize(skb)) return -ENOMEM;", MANY),
    ),
    *changes(
        "gone",
        "4.13",
        "linux/netfilter.h",
        (
            "nf_register_hook()",
            N_("use nf_register_net_hook(), for each namespace"),
            "int error = nf_register_net_hook(&init_net, &my_hook);",
        ),
        (
            "nf_unregister_hook()",
            N_("use nf_unregister_net_hook(), for each namespace"),
            "nf_unregister_net_hook(&init_net, &my_hook);",
        ),
    ),
    *changes(
        "changed",
        "4.4",
        "linux/netfilter.h",
        (
            "nf_hook_ops.hook",
            N_("it gets data of yours, the packet, and a struct nf_hook_state"),
            "static unsigned int my_hook(void *data, struct sk_buff *skb, const struct nf_hook_state "
            "*state) { return NF_ACCEPT; }",
            types(r"\(\*\)\((?:unsigned int|const struct nf_hook_ops \*), ", r"struct nf_hook_state"),
        ),
    ),
    *changes(
        "gone",
        "2.6.25",
        "linux/netfilter.h",
        (
            "NF_IP_PRE_ROUTING",
            N_("write NF_INET_PRE_ROUTING"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING };",
        ),
        (
            "NF_IP_LOCAL_IN",
            N_("write NF_INET_LOCAL_IN"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_IN };",
        ),
        (
            "NF_IP_FORWARD",
            N_("write NF_INET_FORWARD"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_FORWARD };",
        ),
        (
            "NF_IP_LOCAL_OUT",
            N_("write NF_INET_LOCAL_OUT"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_OUT };",
        ),
        (
            "NF_IP_POST_ROUTING",
            N_("write NF_INET_POST_ROUTING"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = "
            "NF_INET_POST_ROUTING };",
        ),
    ),
    *changes(
        "gone",
        "4.4–4.9",
        "linux/netfilter.h",
        (
            "nf_hook_ops.owner",
            N_("remove it"),
            "static struct nf_hook_ops my_hook = { .hook = hook, .pf = NFPROTO_IPV4, .hooknum = NF_INET_PRE_ROUTING };",
        ),
    ),
    *changes(
        "changed",
        "3.7",
        "linux/netlink.h",
        (
            "netlink_kernel_create()",
            N_("the function is in a struct netlink_kernel_cfg"),
            "my_sock = netlink_kernel_create(&init_net, NETLINK_USERSOCK, &config);",
            MANY,
        ),
    ),
    *changes(
        "gone",
        "3.7",
        "linux/netlink.h",
        ("netlink_skb_parms.pid", N_("the member is called portid"), "u32 port = NETLINK_CB(skb).portid;"),
    ),
    *changes(
        "gone",
        "4.10",
        "net/genetlink.h",
        (
            "GENL_ID_GENERATE",
            N_("leave the id out"),
            'static struct genl_family mine = { .name = "mine", .version = 1 };',
        ),
        (
            "genl_register_family_with_ops()",
            N_("put the operations into the family, and use genl_register_family()"),
            "int error = genl_register_family(&family);",
        ),
    ),
    *changes(
        "changed",
        "4.12",
        "net/netlink.h",
        (
            "nla_parse()",
            N_("it takes a place for an error's text as well"),
            "int error = nla_parse(attributes, 1, head, 0, NULL, NULL);",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "5.8",
        "net/sock.h",
        (
            "kernel_setsockopt()",
            N_("there is a function for each option, such as sock_set_reuseaddr()"),
            "sock_set_reuseaddr(my_socket->sk);",
        ),
        (
            "kernel_getsockopt()",
            N_("there is a function for each option, such as sock_set_reuseaddr()"),
            "sock_set_reuseaddr(my_socket->sk);",
        ),
    ),
    *changes(
        "changed",
        "4.2",
        "linux/net.h",
        (
            "sock_create_kern()",
            N_("it takes the namespace as well"),
            "int error = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &my_socket);",
            FEW,
        ),
    ),
    *changes(
        "changed",
        "4.6–4.7",
        "linux/net.h",
        ("sock_recvmsg()", N_("the size is in the message"), "int size = sock_recvmsg(my_socket, &message, 0);", MANY),
    ),
    *changes(
        "changed",
        "4.0–4.1",
        "linux/net.h",
        ("sock_sendmsg()", N_("the size is in the message"), "int size = sock_sendmsg(my_socket, &message);", MANY),
    ),
    *changes(
        "gone",
        "3.19",
        "linux/socket.h",
        (
            "msghdr.msg_iov",
            N_("the data are in msg_iter; kernel_recvmsg() and kernel_sendmsg() take a struct kvec"),
            "int size = kernel_sendmsg(my_socket, &message, &part, 1, 4);",
        ),
    ),
    *changes(
        "changed",
        "5.17",
        "linux/etherdevice.h",
        (
            "net_device.dev_addr",
            N_("it can only be read; use eth_hw_addr_set()"),
            "eth_hw_addr_set(dev, address);",
            READ_ONLY,
        ),
    ),
    *changes(
        "changed",
        "5.6",
        "linux/netdevice.h",
        (
            "net_device_ops.ndo_tx_timeout",
            N_("it gets the queue as well"),
            "static void my_timeout(struct net_device *d, unsigned int queue) { }",
            types(r"\(\*\)\(struct net_device \*\)", r"struct net_device \*, *unsigned int"),
        ),
    ),
    *changes(
        "gone",
        "5.11–6.1",
        "linux/etherdevice.h",
        (
            "random_ether_addr()",
            N_("use eth_hw_addr_random() for a device, or eth_random_addr()"),
            "eth_hw_addr_random(dev);",
        ),
    ),
    *changes(
        "gone",
        "2.6.36–3.2",
        "linux/kernel.h",
        ("NIPQUAD()", N_("print the address with %pI4"), 'pr_info("%pI4\\n", &address);'),
    ),
    *changes(
        "gone",
        "3.16",
        "linux/netdevice.h",
        ("SET_ETHTOOL_OPS()", N_("set the member ethtool_ops"), "dev->ethtool_ops = NULL;"),
    ),
    *changes(
        "gone",
        "4.19–5.0",
        "linux/ethtool.h",
        (
            "ethtool_ops.get_settings",
            N_("use get_link_ksettings"),
            "static const struct ethtool_ops tool = { .get_link_ksettings = my_settings };",
        ),
    ),
    *changes(
        "gone",
        "6.12",
        "linux/netdevice.h",
        ("NETIF_F_LLTX", N_("set the member lltx"), "dev->lltx = true;"),
    ),
    *changes(
        "gone",
        "6.2–6.3",
        "linux/u64_stats_sync.h",
        (
            "u64_stats_fetch_begin_irq()",
            N_("use u64_stats_fetch_begin()"),
            "unsigned int start = u64_stats_fetch_begin(&sync);",
        ),
    ),
    *changes(
        "gone",
        "2.6.24",
        "linux/netdevice.h",
        (
            "net_device.hard_header",
            N_("the functions for headers are in a struct header_ops"),
            "static const struct header_ops my_headers = { .create = my_header };",
        ),
    ),
    *changes(
        "gone",
        "3.2–3.16",
        "linux/netdev_features.h",
        ("NETIF_F_NO_CSUM", N_("write NETIF_F_HW_CSUM"), "dev->features |= NETIF_F_HW_CSUM;"),
    ),
    *changes(
        "gone",
        "3.2",
        "linux/netdevice.h",
        (
            "net_device_ops.ndo_set_multicast_list",
            N_("use ndo_set_rx_mode"),
            "static const struct net_device_ops my_ops = { .ndo_set_rx_mode = my_mode };",
        ),
    ),
    *changes(
        "changed",
        "4.11",
        "linux/netdevice.h",
        (
            "net_device_ops.ndo_get_stats64",
            N_("it returns nothing"),
            "static void my_stats(struct net_device *d, struct rtnl_link_stats64 *stats) { }",
            types(r"rtnl_link_stats64 \* ?\(\*\)", r"void \(\*\)"),
        ),
    ),
    *changes(
        "gone",
        "4.12",
        "linux/netdevice.h",
        (
            "net_device.destructor",
            N_("where it was free_netdev(), set needs_free_netdev"),
            "dev->needs_free_netdev = true;",
        ),
    ),
    *changes(
        "gone",
        "2.6.22–2.6.24",
        "linux/netdevice.h",
        ("dev_base", N_("use for_each_netdev()"), "for_each_netdev(&init_net, dev)"),
    ),
)
