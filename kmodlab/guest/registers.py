"""Reads QEMU's "info registers": the address that a guest's processor executes, and whether interrupts are on."""

from __future__ import annotations

import re

from kmodlab.i18n import N_, _
from kmodlab.kernel.arch import Registers


def are_interrupts_off(registers: Registers, text: str) -> bool:
    """Whether QEMU's "info registers" shows a running processor with interrupts off."""
    flags = re.search(registers.flags, text)
    return flags is not None and not _interrupts_on(registers, flags) and not re.search(registers.halted, text)


def _interrupts_on(registers: Registers, flags: re.Match[str]) -> bool:
    return int(flags[1], 16) & registers.interrupt_bits == registers.interrupts_on


# Keys: whether the processor is in a module's code, has interrupts on, is halted.
_STATES = {
    (True, True, True): N_("Its processor is in a module's code with interrupts on, halted ({register} {address})."),
    (True, True, False): N_("Its processor is in a module's code with interrupts on ({register} {address})."),
    (True, False, True): N_("Its processor is in a module's code with interrupts off, halted ({register} {address})."),
    (True, False, False): N_("Its processor is in a module's code with interrupts off ({register} {address})."),
    (False, True, True): N_("Its processor is in the kernel with interrupts on, halted ({register} {address})."),
    (False, True, False): N_("Its processor is in the kernel with interrupts on ({register} {address})."),
    (False, False, True): N_("Its processor is in the kernel with interrupts off, halted ({register} {address})."),
    (False, False, False): N_("Its processor is in the kernel with interrupts off ({register} {address})."),
}


def describe_registers(registers: Registers, text: str) -> str:
    """A sentence about the processor that QEMU's "info registers" shows; empty if the text shows none."""
    flags, counter = re.search(registers.flags, text), re.search(registers.counter, text)
    if not flags or not counter:
        return ""
    in_module = int(counter[1], 16) >= registers.modules_begin
    state = (in_module, _interrupts_on(registers, flags), re.search(registers.halted, text) is not None)
    return _(_STATES[state]).format(register=registers.counter_name, address=counter[1])
