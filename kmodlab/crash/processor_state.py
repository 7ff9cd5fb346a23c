"""Parses the state of the processor and the process in a report: registers, process, kernel and taint."""

from __future__ import annotations

import re
from typing import Any

from kmodlab.i18n import N_, _

# kernel/panic.c, taint_flags; the meanings are from Documentation/admin-guide/tainted-kernels.rst.
_TAINTS = {
    "P": N_("a module without a GPL-compatible license is loaded"),
    "F": N_("a module was loaded by force"),
    "S": N_("this processor or machine is not one that the kernel supports"),
    "R": N_("a module was removed by force"),
    "M": N_("the processor reported a hardware error"),
    "B": N_("a damaged page of memory was found"),
    "U": N_("a program asked for the taint"),
    "D": N_("the kernel has crashed before"),
    "A": N_("an ACPI table was replaced"),
    "W": N_("the kernel has warned before"),
    "C": N_("a driver from drivers/staging is loaded"),
    "I": N_("the kernel works around a defect of the firmware"),
    "O": N_("a module from outside the kernel's tree is loaded"),
    "E": N_("a module without a valid signature is loaded"),
    "L": N_("a processor was stuck before"),
    "K": N_("the kernel has been live patched"),
    "X": N_("the distribution marks a module that it does not support"),
    "T": N_("the kernel's structures are laid out at random"),
    "N": N_("a test inside the kernel has run"),
    "J": N_("fwctl has changed the firmware of a device"),
}
# lib/dump_stack.c, dump_stack_print_info; "UID" since 6.11; in another order before 3.12.
_PROCESS = re.compile(
    r"(?:CPU: ?\d+ +(?:UID: \d+ )?)?P(?:ID|id): (?P<pid>\d+),? [Cc]omm: (?P<process>.{1,40}?) +(?:Kdump: loaded +)?"
    r"(?=Not tainted|Tainted: |\(\S+\)|\d+\.\d+|$)"
)
_TAINTED = re.compile(r"Tainted: (?P<letters>[A-Z ]{1,24}?)\s*(?=\(|\s\S*\d|$|\))")
_TAINT_WORDS = re.compile(r"\[([A-Z])\]=[A-Z_]+")  # since 6.9: "Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE"
_KERNEL = re.compile(r"(?:Not tainted|Tainted: [A-Z ]+?),?\s+\(?(?P<kernel>\d+\.\d+[^\s)]*)")
_CPU = re.compile(r"CPU(?:: ?|#| )(\d+)\b")
# Process and processor in the sentences of soft lockups, hung tasks, atomic sections, KASAN, kmemleak and warnings. A
# name of a group may be used only once in a pattern.
_IN_SENTENCE = re.compile(
    r"\[(?P<of1>.{1,16}):(?P<pid1>\d+)\]$|task (?P<of2>.{1,40}?):(?P<pid2>\d+) (?:is )?blocked|"
    r": (?P<of3>\S.{0,15})/(?P<pid3>\d+)/0x|pid: (?P<pid4>\d+), name: (?P<of4>.{1,16})$|"
    r"by task (?P<of5>.{1,16})/(?P<pid5>\d+)(?: |$)|comm \"(?P<of6>.{1,16})\", pid (?P<pid6>\d+)|"
    r"^Process (?P<of7>.{1,40}?) \(pid: (?P<pid7>\d+),|CPU: ?\d+ PID: (?P<pid8>\d+) at "
)
# arch/x86/kernel/process_64.c, __show_regs; arch/arm64/kernel/process.c; other architectures alike.
_REGISTER = re.compile(r"\b([A-Za-z$][A-Za-z0-9_]{0,8}) ?: ?(?:[0-9a-f]{4}:)?([0-9a-f]{8}(?:[0-9a-f]{8})?)\b")
_ADDRESS = re.compile(
    r"(?:virtual address|address:|for address:?|(?:dereference|request|access|fetch)(?: on (?:read|write))? at)"
    r"(?: virtual address)?[: ]+(?:0x)?([0-9a-f]{8,16})\b|address 0x([0-9a-f]{1,16})|"
    r"^CR2: ([0-9a-f]{8,16})$"  # alone on a line: its value at the fault (arch/x86/mm/fault.c, page_fault_oops)
)
# Lines of reports that have no frames or registers.
_OTHER = re.compile(
    r"\s*(?:</?[#\w]+>$|(?:\? )?\[?<?(?:0x)?[0-9a-f]{8,16}>?\]?$|\S+ \S+:\d+ \[inline\]$|"
    r"Code: |Modules linked in:|Hardware name: |Workqueue: |Stack:?(?:\s|$)|#PF: |P[GM4U]D\b|\*p[gmu]d|Mem abort|"
    r"Data abort|ES[RF] |EC = |SET = |EA = |FSC = |ISV = |CM = |(?:swapper|user) pgtable|\[[0-9a-f]{8,16}\] |pstate: |"
    r"[FGDEC]S: |PKRU: |note: |Kernel Offset|CPU features: |Last Breaking|Krnl GPRS|Flags: |(?:soft|hard)irqs last|"
    r"irq event stamp|PREEMPT |(?:Not t|T)ainted|last sysfs file|Dumping ftrace|Rebooting in|Sending NMI|SMP: |"
    r"Memory Limit|Instruction dump|Process |xor |Preemption disabled|preempt_count|RCU nest|in_atomic|\"echo 0 |task:|"
    r"INFO: lockdep is|sp=[0-9a-f]|printing eip|\d+ locks? held by|no locks held|Disabling lock|RSP:|ORIG_RAX)"
)


def introduces_trace(text: str) -> bool:
    """Whether a line names the process, as the line above a trace does."""
    return _PROCESS.search(text) is not None


def parse_facts(text: str) -> dict[str, Any]:
    """The fields `process`, `pid`, `cpu`, `kernel` and `taint` of a report that a line has."""
    facts: dict[str, Any] = {}
    if process := _PROCESS.search(text):
        facts |= {"process": process["process"].strip(), "pid": int(process["pid"])}
    elif process := _IN_SENTENCE.search(text):
        parts = {name: value for name, value in process.groupdict().items() if value}
        facts |= {"pid" if name.startswith("pid") else "process": value for name, value in parts.items()}
        facts["pid"] = int(facts["pid"])
    if cpu := _CPU.search(text):
        facts["cpu"] = int(cpu[1])
    if kernel := _KERNEL.search(text):
        facts["kernel"] = kernel["kernel"]
    if taint := parse_taint(text):
        facts["taint"] = taint
    return facts


def taints_of(number: int) -> dict[str, str]:
    """The taints in /proc/sys/kernel/tainted, as letters and their meanings; the table is in the order of the bits."""
    return {letter: _(meaning) for bit, (letter, meaning) in enumerate(_TAINTS.items()) if number >> bit & 1}


def parse_taint(text: str) -> dict[str, str]:
    """The taints in a line, without "G", which only says that no proprietary module is loaded."""
    match = _TAINTED.search(text)
    letters = _TAINT_WORDS.findall(text) or (match["letters"] if match else "")
    return {letter: _(_TAINTS.get(letter, N_("unknown"))) for letter in letters if letter not in " G"}


def parse_registers(text: str) -> dict[str, str]:
    """Names and values of the registers on a line."""
    return {match[1]: match[2] for match in _REGISTER.finditer(text)}


def parse_address(sentence: str) -> int | None:
    """The address that could not be accessed, from a sentence or a register; None if there is none."""
    match = _ADDRESS.search(sentence)
    return int(match[1] or match[2] or match[3], 16) if match else None


def belongs_to_reports(text: str) -> bool:
    """Whether a line without frames or registers is a known line of a report."""
    return _OTHER.match(text) is not None
