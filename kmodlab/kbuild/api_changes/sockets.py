"""What changed of sockets and protocols."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "changed",
        "2.6.14",
        "linux/netdevice.h",
        (
            "packet_type.func",
            N_("it gets the device that the packet first came to as well"),
            "static int my_func(struct sk_buff *s, struct net_device *d, struct packet_type *t, struct net_device "
            "*first) { return 0; }",
            types(r"struct packet_type \*\)", r"struct packet_type \*, *struct net_device \*\)"),
        ),
    ),
    *changes(
        "changed",
        "4.2",
        "net/sock.h",
        (
            "sk_alloc()",
            N_("it is told whether the kernel itself opens the socket"),
            "struct sock *sk = sk_alloc(&init_net, AF_INET, GFP_KERNEL, &my_proto, 0);",
            FEW,
        ),
    ),
    *changes(
        "changed",
        "4.1",
        "linux/net.h",
        (
            "proto_ops.sendmsg",
            N_("it gets no struct kiocb"),
            "static int my_sendmsg(struct socket *sock, struct msghdr *message, size_t size) { return 0; }",
            types(r"struct kiocb \*, *struct socket", r"\(\*\)\(struct socket \*"),
        ),
    ),
    *changes(
        "changed",
        "2.6.33",
        "linux/net.h",
        (
            "net_proto_family.create",
            N_("it is told whether the kernel itself opens the socket"),
            "static int my_create(struct net *net, struct socket *sock, int protocol, int kern) { return 0; }",
            types(r"struct socket \*, *int\)", r"struct socket \*, *int, *int\)"),
        ),
    ),
    *changes(
        "gone",
        "3.19–4.1",
        "linux/skbuff.h",
        (
            "skb_copy_datagram_iovec()",
            N_("use skb_copy_datagram_msg(), which takes the message"),
            "int error = skb_copy_datagram_msg(skb, 0, &message, 4);",
        ),
        (
            "memcpy_fromiovec()",
            N_("use memcpy_from_msg(), which takes the message"),
            "int error = memcpy_from_msg(buffer, &message, 4);",
        ),
        (
            "memcpy_toiovec()",
            N_("use memcpy_to_msg(), which takes the message"),
            "int error = memcpy_to_msg(&message, buffer, 4);",
        ),
    ),
    *changes(
        "gone",
        "2.6.35",
        "net/sock.h",
        ("sock.sk_sleep", N_("ask for the queue with sk_sleep()"), "wake_up_interruptible(sk_sleep(sk));"),
    ),
)
