"""Devices are plugged into a running guest and pulled out again; drivers, and who watches, see it in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.errors import UsageError
from kmodlab.guest.devices import plug, unplug
from kmodlab.guest.lab import Lab
from kmodlab.guest.own_lab import OwnLab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.tracer.run import Step, load, take_step

DRIVERS = {
    "edu": """
#include <linux/module.h>
#include <linux/pci.h>
static int found(struct pci_dev *device, const struct pci_device_id *id) { pr_info("seen: probe\\n"); return 0; }
static void lost(struct pci_dev *device) { pr_info("seen: remove\\n"); }
static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, { } };
static struct pci_driver seer = { .name = KBUILD_MODNAME, .id_table = ids, .probe = found, .remove = lost };
module_pci_driver(seer);
MODULE_LICENSE("GPL");
""",
    "usb-kbd": """
#include <linux/module.h>
#include <linux/usb.h>
static int found(struct usb_interface *interface, const struct usb_device_id *id)
{ pr_info("seen: probe\\n"); return 0; }
static void lost(struct usb_interface *interface) { pr_info("seen: remove\\n"); }
static const struct usb_device_id ids[] = { { USB_DEVICE(0x0627, 0x0001) }, { } };
static struct usb_driver seer = { .name = KBUILD_MODNAME, .id_table = ids, .probe = found, .disconnect = lost };
module_usb_driver(seer);
MODULE_LICENSE("GPL");
""",
}


@pytest.fixture(params=DRIVERS)
def device(request: pytest.FixtureRequest, session: Session, lab: Lab) -> Iterator[str]:
    """The name of a device whose driver is loaded, with no such device there."""
    session.reset()
    if request.param.startswith("usb"):
        assert session.run(["modprobe", "xhci_pci"]).ok
    built = build(lab.tree, Sources.of("driver", {"driver.c": DRIVERS[request.param]}))
    assert built.ko is not None, built.transcript
    assert load(session, "driver", built.ko).result is not None
    yield request.param
    session.reset()


def act(session: Session):  # type: ignore[no-untyped-def]
    return lambda argv, trigger: take_step(session, argv, trigger=trigger)


def logged(step: Step) -> list[str]:
    assert step.result is not None and step.result.ok, step.reason
    assert not step.earlier
    return [record.text for record in step.records if "seen:" in record.text]


def test_plug_and_unplug_are_seen_in_order_ten_times_in_a_row(session: Session, device: str) -> None:
    for _ in range(10):
        assert logged(plug(session, device, act(session))) == ["seen: probe"]
        assert logged(unplug(session, device, act(session))) == ["seen: remove"]


def test_a_device_is_plugged_in_only_once(session: Session) -> None:
    session.reset()
    plug(session, "edu", act(session))
    with pytest.raises(UsageError, match="plugged in already"):
        plug(session, "edu", act(session))
    unplug(session, "edu", act(session))
    with pytest.raises(UsageError, match="not plugged in"):
        unplug(session, "edu", act(session))


def test_a_usb_device_asks_for_the_driver_of_its_controller(session: Session) -> None:
    session.reset()
    with pytest.raises(UsageError) as refused:
        plug(session, "usb-kbd", act(session))
    assert "modprobe xhci_pci" in refused.value.hint


def test_an_unknown_device_is_refused_by_name(session: Session) -> None:
    with pytest.raises(UsageError, match="no device 'toaster'"):
        plug(session, "toaster", act(session))


@pytest.mark.parametrize("name", DRIVERS)
def test_a_kernel_of_our_own_notices_devices_too(name: str, small_lab: OwnLab) -> None:
    with Session(small_lab) as session:
        built = build(small_lab.tree, Sources.of("driver", {"driver.c": DRIVERS[name]}))
        assert built.ko is not None, built.transcript
        assert load(session, "driver", built.ko).result is not None
        assert "seen: probe" in logged(plug(session, name, act(session)))
        assert "seen: remove" in logged(unplug(session, name, act(session)))
