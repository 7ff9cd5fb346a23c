"""The resources that are registered in a guest, and the kinds of resources that a module can leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kmodlab.i18n import N_, _

# The heading of each list that the tracer prints (module/resources.c).
_HEADING = re.compile(r"^==> (\S+) <==$", re.MULTILINE)
_ANY = r"[^/]+"


# ---- what is registered --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResourceList:
    """The resources registered in a guest at one moment: paths, and entries such as "char device 240 hello"."""

    entries: frozenset[str]

    def since(self, before: ResourceList) -> tuple[str, ...]:
        """The entries that are new, sorted."""
        return tuple(sorted(self.entries - before.entries))


def parse_resources(text: str) -> ResourceList:
    """Parse the lists that the tracer prints; unknown text has no entries."""
    pieces = _HEADING.split(text)
    entries: set[str] = set()
    for path, content in zip(pieces[1::2], pieces[2::2], strict=False):
        entries.update(_entries(path, content.splitlines()))
    return ResourceList(frozenset(entries))


def _entries(path: str, lines: list[str]) -> Iterator[str]:
    if path == "names":
        yield from (line for line in lines if line.startswith("/"))
    elif path == "/proc/modules":  # proc_modules(5): name, size, references, ...
        yield from (f"module {line.split()[0]}" for line in lines if line)
    elif path == "/proc/devices":
        yield from _devices(lines)
    elif path == "/proc/filesystems":
        yield from (f"filesystem {line.split()[-1]}" for line in lines if line)
    elif path in ("/proc/iomem", "/proc/ioports"):
        region = "memory region" if path == "/proc/iomem" else "port region"
        yield from (f"{region} {' '.join(line.split())}" for line in lines if line)


def _devices(lines: list[str]) -> Iterator[str]:
    """/proc/devices has two lists, "Character devices:" and "Block devices:"; each line is a number and a name."""
    kind = ""
    for line in lines:
        if line.endswith("devices:"):
            kind = "block" if line.startswith("Block") else "char"
        elif line and kind:
            yield f"{kind} device {' '.join(line.split())}"


# ---- kinds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResourceKind:
    """One kind of resource. `places` are patterns of its entries, with {name} in them; empty if it has no entries."""

    words: str
    places: tuple[str, ...] = ()

    @property
    def is_visible(self) -> bool:
        """Whether the guest's list shows resources of this kind."""
        return bool(self.places)

    def matches(self, entry: str, name: str) -> bool:
        """Whether an entry is a resource of this kind and name; an empty name stands for any."""
        pattern = name_pattern(name) if name else _ANY
        return any(re.fullmatch(place.replace("{name}", pattern), entry) for place in self.places)


def name_pattern(name: str) -> str:
    """A pattern that matches a name; if the name is a printf format, the names that printf makes from it."""
    parts = re.split(r"%[-+ #0-9.*]*(?:[hlLqjzt]*[a-zA-Z])(?:[a-zA-Z]*)?", name)
    # A slash in a device's name is "!" in sysfs, and a slash in /dev.
    return ".*".join(re.escape(part).replace("/", "[/!]") for part in parts)


def _sysfs(*more: str) -> tuple[str, ...]:
    return ("/sys/kernel/(.*/)?{name}", "/sys/fs/(.*/)?{name}", "/sys/firmware/(.*/)?{name}", *more)


KINDS = {
    "chrdev": ResourceKind(N_("the character device number"), ("char device \\d+ {name}",)),
    "chrdev-region": ResourceKind(N_("the character device numbers"), ("char device \\d+ {name}",)),
    "blkdev": ResourceKind(N_("the block device number"), ("block device \\d+ {name}",)),
    "misc": ResourceKind(
        N_("the misc device"), ("/sys/class/misc/{name}", "/dev/{name}", "/sys/devices/virtual/misc/{name}")
    ),
    "class": ResourceKind(N_("the class"), ("/sys/class/{name}",)),
    "device": ResourceKind(
        N_("the device"),
        (
            "/sys/class/[^/]+/{name}",
            "/dev/(.*/)?{name}",
            "/sys/devices/(.*/)?{name}(\\.\\d+|\\.\\d+\\.auto)?",
            "/sys/bus/[^/]+/devices/{name}(\\.\\d+|\\.\\d+\\.auto)?",
        ),
    ),
    "devices": ResourceKind(N_("the devices"), ("/sys/devices/(.*/)?{name}", "/sys/bus/[^/]+/devices/{name}")),
    "driver": ResourceKind(N_("the driver"), ("/sys/bus/[^/]+/drivers/{name}",)),
    "drivers": ResourceKind(N_("the drivers"), ("/sys/bus/[^/]+/drivers/{name}",)),
    "bus": ResourceKind(N_("the bus"), ("/sys/bus/{name}",)),
    "proc": ResourceKind(N_("the /proc entry"), ("/proc/(.*/)?{name}",)),
    "debugfs": ResourceKind(N_("the debugfs entry"), ("/sys/kernel/debug/(.*/)?{name}",)),
    "kobject": ResourceKind(N_("the kobject"), _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")),
    "kset": ResourceKind(N_("the kset"), _sysfs()),
    "attribute": ResourceKind(
        N_("the sysfs attribute"), _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")
    ),
    "attributes": ResourceKind(N_("the sysfs attributes"), _sysfs("/sys/devices/(.*/)?{name}")),
    "group": ResourceKind(N_("the sysfs group"), _sysfs("/sys/devices/(.*/)?{name}", "/sys/class/(.*/)?{name}")),
    "groups": ResourceKind(N_("the sysfs groups"), _sysfs("/sys/devices/(.*/)?{name}")),
    "sysctl": ResourceKind(N_("the sysctl"), ("/proc/sys/.*",)),
    "netdev": ResourceKind(N_("the network device"), ("/sys/class/net/{name}", "/sys/devices/virtual/net/{name}")),
    "input": ResourceKind(N_("the input device"), ("/sys/class/input/.*", "/dev/input/.*")),
    "filesystem": ResourceKind(N_("the file system"), ("filesystem {name}",)),
    "io-region": ResourceKind(N_("the I/O region"), ("(memory|port) region .* : {name}",)),
    "disk": ResourceKind(N_("the disk"), ("/sys/class/block/.*",)),
    "rtnl-link": ResourceKind(N_("the link type")),
    "irq": ResourceKind(N_("the interrupt handler")),
    "mapping": ResourceKind(N_("the mapping")),
    "cdev": ResourceKind(N_("the character device (cdev)")),
    "cdev-object": ResourceKind(N_("the cdev's memory")),
    "workqueue": ResourceKind(N_("the workqueue")),
    "cache": ResourceKind(N_("the slab cache")),
    "percpu": ResourceKind(N_("per-CPU memory (percpu)")),
    "notifier": ResourceKind(N_("the notifier")),
    "kprobe": ResourceKind(N_("the kprobe")),
    "kretprobe": ResourceKind(N_("the kretprobe")),
    "tracepoint": ResourceKind(N_("the tracepoint's probe")),
    "file": ResourceKind(N_("the open file")),
    "mount": ResourceKind(N_("the mount")),
    "crypto": ResourceKind(N_("the cipher or hash (tfm)")),
    "algorithm": ResourceKind(N_("the algorithm")),
    "dma": ResourceKind(N_("DMA memory")),
    "socket": ResourceKind(N_("the socket")),
    "netlink": ResourceKind(N_("the netlink socket")),
    "nf-hook": ResourceKind(N_("the netfilter hook")),
    "packet": ResourceKind(N_("the packet handler")),
    "mempool": ResourceKind(N_("the memory pool")),
    "worker": ResourceKind(N_("the kthread worker")),
    "usb-minor": ResourceKind(N_("the USB device number")),
    "mutex": ResourceKind(N_("the mutex, still locked")),
    "rwsem": ResourceKind(N_("the semaphore (rwsem), still locked")),
}

# Kernel threads, which the tracer lists.
THREAD = "thread"
# A module that holds a reference to itself cannot be unloaded.
MODULE_REFERENCE = "module-reference"
LOCKS = frozenset({"mutex", "rwsem"})


def resource_kind(kind: str) -> ResourceKind:
    """The kind of that name; a kind that is not in the table is not visible."""
    return KINDS.get(kind) or ResourceKind("")


def resource_title(kind: str) -> str:
    """The name of a kind, in the reader's language."""
    return _(resource_kind(kind).words) or _("the {kind}").format(kind=kind.replace("-", " "))
