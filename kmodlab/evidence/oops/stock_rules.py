"""Further sentences of a stock kernel: a module that is refused, damaged slab objects, a hard lockup, a lost start.

The convention that `rules` follows has no title for these, but learners meet them daily. They are tried after the
others. A refused module is no crash of the kernel, yet belongs here: the log is where the reason stands. Sentences:
the kernel's kernel/module/main.c, arch/*/kernel/module.c, mm/slub.c and kernel/watchdog_hld.c.
"""

from __future__ import annotations

import re

from kmodlab.evidence.oops.culprit import STACK, Search
from kmodlab.evidence.oops.frames import CALL_TRACE, PROGRAM_COUNTER, pattern
from kmodlab.evidence.oops.rules import LEAK, SLAB, Family, Rule
from kmodlab.evidence.oops.types import Kind

_FAULT = Search((PROGRAM_COUNTER, CALL_TRACE, STACK))


def _family(word: str, *rules: Rule) -> Family:
    return Family(re.compile(word), rules, rules[0].kind)


def _refused(sentence: str, title: str, kind: Kind) -> Rule:
    return Rule(pattern(sentence), title, kind, traceless=True, verbatim=True)


_NAME = r"([A-Za-z0-9_\-]+)"

REFUSALS = (
    _family(r"Unknown symbol \S+ \(err ",
            _refused(_NAME + r": Unknown symbol (\S+) \(err -?\d+\)", "{0}: Unknown symbol {1}", Kind.UNKNOWN_SYMBOL)),
    _family("disagrees about version of symbol|no symbol version for",
            _refused(_NAME + r": (disagrees about version of symbol|no symbol version for) (\S+)", "{0}: {1} {2}",
                     Kind.WRONG_VERSION)),
    _family(": version magic '",
            _refused(_NAME + ": version magic '([^']*)' should be '([^']*)'",
                     "{0}: version magic '{1}' should be '{2}'", Kind.WRONG_VERSION)),
    _family("exports duplicate symbol",
            _refused(_NAME + r": exports duplicate symbol (\S+)", "{0}: exports duplicate symbol {1}",
                     Kind.BAD_FORMAT)),
    _family("[Rr]elocation target|Unknown rela relocation|RELA relocation: |overflow in relocation type|"
            ": unknown relocation",
            _refused(r"((?:Invalid|Skipping invalid) relocation target), existing value is nonzero for type (\d+)",
                     "{0} for type {1}", Kind.BAD_RELOCATION),
            _refused(r"(Unknown rela relocation|unsupported RELA relocation|overflow in relocation type|"
                     r"unknown relocation):? ?(\d+)", "{0} {1}", Kind.BAD_RELOCATION)),
    _family(r"Invalid ELF |Invalid module ELF|invalid ELF |Module has invalid ELF|Truncated module",
            _refused("([Ii]nvalid (?:module )?ELF|Module has invalid ELF|Truncated module)(.*)", "{0}{1}",
                     Kind.BAD_FORMAT)),
)  # fmt: skip

STOCK_CRASHES = (
    _family(r"\bBUG [\w.:\-]+ \(.*\): ",
            Rule(pattern(r"\bBUG [\w.:\-]+ \(.*\): Object already free"), "BUG: Object already free",
                 Kind.DOUBLE_FREE, search=SLAB),
            Rule(pattern(r"\bBUG ([\w.:\-]+) \(.*\): (.*)"), "BUG {0}: {1}", Kind.SLAB_CORRUPTION, search=SLAB)),
    _family("detected hard LOCKUP",
            Rule(pattern("detected hard LOCKUP"), "watchdog: hard LOCKUP in {0}", Kind.HARD_LOCKUP, search=_FAULT)),
    # What kmemleak keeps in debugfs, without the headline that it prints to the log.
    _family(r"unreferenced object 0x[0-9a-f]+ \(size ",
            Rule(pattern("unreferenced object 0x"), "memory leak in {0}", Kind.MEMORY_LEAK, search=LEAK)),
)  # fmt: skip

# Normally this follows the sentence that says what happened; alone, that sentence is lost.
ORPHANS = (
    _family(r"\bOops: [0-9a-f]{4} \[#\d+\]",
            Rule(pattern(r"\bOops: [0-9a-f]{4} \[#\d+\]"), "Oops in {0}", Kind.OTHER, search=_FAULT, damaged=True)),
)  # fmt: skip
