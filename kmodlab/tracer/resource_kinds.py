"""The kinds of things that a module can leave behind: what each is called, and where it shows in an account."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANY = r"[^/]+"


@dataclass(frozen=True)
class ResourceKind:
    """One kind. `places` are patterns of account entries, with {name} in them; without any it does not show there."""

    words: str
    places: tuple[str, ...] = ()

    @property
    def is_visible(self) -> bool:
        """Whether the account tells if one is still there."""
        return bool(self.places)

    def matches(self, entry: str, name: str) -> bool:
        """Whether an account's entry is one of this kind and name; an empty name is any."""
        wanted = name_pattern(name) if name else _ANY
        return any(re.fullmatch(place.replace("{name}", wanted), entry) for place in self.places)


def name_pattern(name: str) -> str:
    """A pattern for a name; where it is a format of printf's, for what may come of it."""
    parts = re.split(r"%[-+ #0-9.*]*(?:[hlLqjzt]*[a-zA-Z])(?:[a-zA-Z]*)?", name)
    # The kernel turns a slash in a device's name into "!" in sysfs, and leaves it in /dev.
    return ".*".join(re.escape(part).replace("/", "[/!]") for part in parts)


def _sysfs(*more: str) -> tuple[str, ...]:
    return ("/sys/kernel/(.*/)?{name}", "/sys/fs/(.*/)?{name}", "/sys/firmware/(.*/)?{name}", *more)


KINDS = {
    "chrdev": ResourceKind("the character device number", ("char device \\d+ {name}",)),
    "chrdev-region": ResourceKind("the character device numbers", ("char device \\d+ {name}",)),
    "blkdev": ResourceKind("the block device number", ("block device \\d+ {name}",)),
    "misc": ResourceKind(
        "the misc device", ("/sys/class/misc/{name}", "/dev/{name}", "/sys/devices/virtual/misc/{name}")
    ),
    "class": ResourceKind("the class", ("/sys/class/{name}",)),
    "device": ResourceKind(
        "the device",
        (
            "/sys/class/[^/]+/{name}",
            "/dev/(.*/)?{name}",
            "/sys/devices/(.*/)?{name}(\\.\\d+|\\.\\d+\\.auto)?",
            "/sys/bus/[^/]+/devices/{name}(\\.\\d+|\\.\\d+\\.auto)?",
        ),
    ),
    "devices": ResourceKind("the devices", ("/sys/devices/(.*/)?{name}", "/sys/bus/[^/]+/devices/{name}")),
    "driver": ResourceKind("the driver", ("/sys/bus/[^/]+/drivers/{name}",)),
    "drivers": ResourceKind("the drivers", ("/sys/bus/[^/]+/drivers/{name}",)),
    "bus": ResourceKind("the bus", ("/sys/bus/{name}",)),
    "proc": ResourceKind("the /proc entry", ("/proc/(.*/)?{name}",)),
    "debugfs": ResourceKind("the debugfs entry", ("/sys/kernel/debug/(.*/)?{name}",)),
    "kobject": ResourceKind("the kobject", _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")),
    "kset": ResourceKind("the kset", _sysfs()),
    "attribute": ResourceKind("the sysfs attribute", _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")),
    "attributes": ResourceKind("the sysfs attributes", _sysfs("/sys/devices/(.*/)?{name}")),
    "group": ResourceKind("the sysfs group", _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")),
    "groups": ResourceKind("the sysfs groups", _sysfs("/sys/devices/(.*/)?{name}")),
    "sysctl": ResourceKind("the sysctl", ("/proc/sys/.*",)),
    "netdev": ResourceKind("the network device", ("/sys/class/net/{name}", "/sys/devices/virtual/net/{name}")),
    "input": ResourceKind("the input device", ("/sys/class/input/.*", "/dev/input/.*")),
    "filesystem": ResourceKind("the file system", ("filesystem {name}",)),
    "io-region": ResourceKind("the I/O region", ("(memory|port) region .* : {name}",)),
    "disk": ResourceKind("the disk", ("/sys/class/block/.*",)),
    "rtnl-link": ResourceKind("the link type"),
    "irq": ResourceKind("the interrupt handler"),
    "mapping": ResourceKind("the mapping"),
    "cdev": ResourceKind("the character device (cdev)"),
    "cdev-object": ResourceKind("the cdev's memory"),
    "workqueue": ResourceKind("the workqueue"),
    "cache": ResourceKind("the slab cache"),
    "percpu": ResourceKind("memory of each processor (percpu)"),
    "notifier": ResourceKind("the notifier"),
    "kprobe": ResourceKind("the kprobe"),
    "kretprobe": ResourceKind("the kretprobe"),
    "tracepoint": ResourceKind("the tracepoint's probe"),
    "file": ResourceKind("the open file"),
    "mount": ResourceKind("the mount"),
    "crypto": ResourceKind("the cipher or hash (tfm)"),
    "algorithm": ResourceKind("the algorithm"),
    "dma": ResourceKind("DMA memory"),
    "socket": ResourceKind("the socket"),
    "netlink": ResourceKind("the netlink socket"),
    "nf-hook": ResourceKind("the netfilter hook"),
    "packet": ResourceKind("the packet handler"),
    "mempool": ResourceKind("the memory pool"),
    "worker": ResourceKind("the kthread worker"),
    "usb-minor": ResourceKind("the USB device number"),
    "mutex": ResourceKind("the mutex, which is still locked"),
    "rwsem": ResourceKind("the semaphore (rwsem), which is still locked"),
}

# Threads are looked for among all threads, rather than believed to be there when nobody stopped them.
THREAD = "thread"
# Whether a module holds one of its own is seen by whether it can be unloaded.
MODULE_REFERENCE = "module-reference"
# A lock is held and released again; nothing stays registered meanwhile.
LOCKS = frozenset({"mutex", "rwsem"})


def resource_kind(kind: str) -> ResourceKind:
    """The kind of that name; one that has no entry of its own is known by its name, and does not show."""
    return KINDS.get(kind) or ResourceKind(f"the {kind.replace('-', ' ')}")
