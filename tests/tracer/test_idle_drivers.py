"""A driver that has no device is told so, if it is sure that its probe() was not called."""

from __future__ import annotations

import pytest

from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.tracer.failed_call import Circumstances, explain_step
from kmodlab.tracer.idle_drivers import IdleDriver, describe_idle
from kmodlab.tracer.run import load

MODULE = """\
#include <linux/module.h>
#include <linux/platform_device.h>
static int NAME_probe(struct platform_device *device) { return RESULT; }
static struct platform_driver NAME_driver = { .probe = NAME_probe, .driver = { .name = "NAME" } };
static struct platform_device *device;
static int __init NAME_init(void)
{
	if (DEVICE) {
		device = platform_device_register_simple("NAME", 3, NULL, 0);
		if (IS_ERR(device))
			return PTR_ERR(device);
	}
	return platform_driver_register(&NAME_driver);
}
static void __exit NAME_exit(void)
{
	platform_driver_unregister(&NAME_driver);
	if (device)
		platform_device_unregister(device);
}
module_init(NAME_init);
module_exit(NAME_exit);
MODULE_LICENSE("GPL");
"""
NOTES = [  # a driver, a source, and what is said
    (IdleDriver("platform", "nobody", ("alarmtimer.0.auto",)), "", "no platform device of this name"),
    (IdleDriver("platform", "nobody", ("nobdy.1",)), "", "The device `nobdy` has almost the same name."),
    (IdleDriver("platform", "nobody", ("nobody",)), "", ""),
    (IdleDriver("platform", "nobody", ("nobody.12",)), "", ""),
    (IdleDriver("platform", "nobody", ("nobody.2.auto",)), "", ""),
    (IdleDriver("platform", "nobody", ("other",)), "d = { .id_table = ids };", ""),
    (IdleDriver("platform", "nobody", ("other",)), ".driver = { .of_match_table = ids }", ""),
    (IdleDriver("i2c", "nobody"), "d = { .id_table = ids };", "the bus i2c, which has no devices"),
    (IdleDriver("i2c", "nobody", ("i2c-0",)), "", ""),
    (IdleDriver("pci", "nobody"), "", ""),
]


@pytest.mark.parametrize(("driver", "source", "words"), NOTES, ids=[str(number) for number in range(len(NOTES))])
def test_only_what_is_sure_is_said(driver: IdleDriver, source: str, words: str) -> None:
    notes = list(describe_idle([driver], {"d.c": source.encode()}))
    assert len(notes) == bool(words) and all(words in note for note in notes)


def test_a_driver_without_a_device_is_seen_in_the_guest(lab: Lab) -> None:
    cases = {"alone": ("0", "0"), "bound": ("0", "1"), "unwilling": ("-ENODEV", "1")}
    files = {
        f"{name}.c": MODULE.replace("NAME", name).replace("RESULT", result).replace("DEVICE", device)
        for name, (result, device) in cases.items()
    }
    sources = Sources.of("alone", {"Makefile": "".join(f"obj-m += {name}.o\n" for name in cases), **files})
    result = build(lab.tree, sources)
    assert result.passed, result.transcript
    with Session(lab) as session:
        notes = {}
        for name in cases:
            step = load(session, name, result.modules[name])
            assert step.result is not None and step.result.ok
            notes[name] = explain_step(lab, step, Circumstances(result, sources.files)).remarks(result.modules)
    assert len(notes["alone"]) == 1 and "its probe() has not been called" in notes["alone"][0]
    assert (notes["bound"], notes["unwilling"]) == ((), ())
