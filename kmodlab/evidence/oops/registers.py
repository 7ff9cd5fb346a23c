"""Processor registers out of a crash.

A learner who sees `CR2: 0000000000000000` beside a NULL dereference has seen the faulting address. Values stay text:
they are shown, not computed with. x86, arm64, arm and riscv; formats: `show_regs` under arch/*/kernel in the kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_X86 = re.compile(r"\b([RE](?:[ABCD]X|[SD]I|BP|SP)|R\d\d|CR[0-8]|EFLAGS): (?:[0-9a-f]{4}:)?([0-9a-f]{8,16})\b")
_OTHERS = re.compile(
    r"(?<![\w:])(x\d{1,2}|r\d{1,2}|[stag]\d{1,2}|[fis]p|sp|gp|tp|ra|lr|pc|epc|ip|pstate|psr|status|badaddr|cause)"
    r" ?: (?:\[<)?([0-9a-f]{8,16})\b"
)
# Printing the registers may fault again and spoil this one; its true value then follows on a line of its own.
_FAULT_ADDRESS = re.compile(r"^(CR2): ([0-9a-f]{8,16})$")
_USER_MODE = ("RIP: 0033:", "RIP: 0023:", "RSP: 002b:", "EIP: 0073:", "EIP: 0023:")


def parse_registers(lines: Iterable[str]) -> dict[str, str]:
    """Register names, as the log spells them, to hexadecimal text; the first value of each wins.

    The registers of user space are left out.
    """
    registers: dict[str, str] = {}
    user_mode = False
    for text in lines:
        user_mode = user_mode or text.startswith(_USER_MODE)
        address = _FAULT_ADDRESS.match(text)
        if address:
            registers[address.group(1)] = address.group(2)
        if user_mode or ": " not in text:
            continue
        for pattern in (_X86, _OTHERS):
            for name, value in pattern.findall(text):
                registers.setdefault(name, value)
    return registers
