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
)
