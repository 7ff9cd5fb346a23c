"""A device's modalias in words: "pci:v00001234d000011E8…" names vendor, device and class.

The bus makes this text from the device's identity; modpost makes patterns for it from a driver's MODULE_DEVICE_TABLE
(scripts/mod/file2alias.c). Only modaliases of PCI and USB are split into fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kmodlab.i18n import N_, _

# The letters of a PCI modalias, in order. Each is followed by hexadecimal digits, or by a star in a pattern.
_PCI = {
    "v": N_("vendor"),
    "d": N_("device"),
    "sv": N_("subsystem's vendor"),
    "sd": N_("subsystem's device"),
    "bc": N_("class"),
    "sc": N_("subclass"),
    "i": N_("programming interface"),
}
_USB = {
    "v": N_("vendor"),
    "p": N_("product"),
    "d": N_("device's release"),
    "dc": N_("device's class"),
    "dsc": N_("device's subclass"),
    "dp": N_("device's protocol"),
    "ic": N_("interface's class"),
    "isc": N_("interface's subclass"),
    "ip": N_("interface's protocol"),
    "in": N_("interface's number"),
}
_BUSES = {"pci": _PCI, "usb": _USB}
# In a pattern, a range such as [4-7] may stand for a digit. The hexadecimal digits are capital letters.
_VALUE = r"(?:[0-9A-F]|\[[0-9A-F-]+\]|\?|\*)*"


@dataclass(frozen=True)
class Field:
    """A part of a modalias: its letters, their meaning, and the value after them; "*" in a pattern is any value."""

    letters: str
    meaning: str
    value: str


@dataclass(frozen=True)
class Modalias:
    """A modalias, or a pattern for one. `fields` is empty for buses whose letters are unknown."""

    bus: str
    fields: tuple[Field, ...]


def parse_modalias(text: str) -> Modalias:
    """Split a modalias into its parts; `bus` is "" if the text is not a modalias."""
    bus, colon, address = text.strip().partition(":")
    if not colon:
        return Modalias("", ())
    letters = _BUSES.get(bus)
    if letters is None:
        return Modalias(bus, ())
    pattern = "".join(f"(?:{word}({_VALUE}))?" for word in letters)
    match = re.fullmatch(pattern, address)
    if match is None:
        return Modalias(bus, ())
    named = zip(letters.items(), match.groups(), strict=True)
    return Modalias(bus, tuple(Field(word, _(meaning), value) for (word, meaning), value in named if value))
