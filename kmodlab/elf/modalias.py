"""A device's modalias in words: "pci:v00001234d000011E8…" says which vendor, which device, which class.

A bus makes that text of what the device says about itself, and a driver's MODULE_DEVICE_TABLE becomes patterns for it
(scripts/mod/file2alias.c). The letters are those of PCI and USB; of other buses only the name is known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# In the order in which they stand; each is followed by hexadecimal digits, or by a star in a pattern.
_PCI = {
    "v": "vendor",
    "d": "device",
    "sv": "subsystem's vendor",
    "sd": "subsystem's device",
    "bc": "class",
    "sc": "subclass",
    "i": "programming interface",
}
_USB = {
    "v": "vendor",
    "p": "product",
    "d": "device's release",
    "dc": "device's class",
    "dsc": "device's subclass",
    "dp": "device's protocol",
    "ic": "interface's class",
    "isc": "interface's subclass",
    "ip": "interface's protocol",
    "in": "interface's number",
}
_BUSES = {"pci": _PCI, "usb": _USB}
# Ranges stand for single digits: [4-7], and none of what may be in a field is one of the letters.
_VALUE = r"(?:[0-9A-F]|\[[0-9A-F-]+\]|\?|\*)*"


@dataclass(frozen=True)
class Field:
    """A part of a modalias: its letters, what they mean, and what stands behind them; "*" in a pattern is any value."""

    letters: str
    meaning: str
    value: str


@dataclass(frozen=True)
class Modalias:
    """A modalias, or a pattern for such. `fields` is empty for buses whose letters are not known here."""

    bus: str
    fields: tuple[Field, ...]


def parse_modalias(text: str) -> Modalias:
    """Take a modalias to pieces; a text that is none has the bus ""."""
    bus, colon, rest = text.strip().partition(":")
    if not colon:
        return Modalias("", ())
    letters = _BUSES.get(bus)
    if letters is None:
        return Modalias(bus, ())
    pattern = "".join(f"(?:{word}({_VALUE}))?" for word in letters)
    found = re.fullmatch(pattern, rest)
    if found is None:
        return Modalias(bus, ())
    named = zip(letters.items(), found.groups(), strict=True)
    return Modalias(bus, tuple(Field(word, meaning, value) for (word, meaning), value in named if value))
