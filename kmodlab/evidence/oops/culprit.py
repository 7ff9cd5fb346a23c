"""Who is to blame: the one function of a stack that gives a crash its name.

The function that trapped is often innocent: `memcpy` does what its caller asked for. Kernel developers name a crash
after the first function that is not such a helper, and this follows the convention of their crash reports: which
part of the report to search (a `Search`), whom to pass over (`bystanders`), and, for a machine that hangs rather
than falls over, whom to pick among the rest. Which crash is searched how is said in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from kmodlab.evidence.oops import frames
from kmodlab.evidence.oops.bystanders import BYSTANDERS, HANG_ANCHORS, HUNG_TASK_WAITS, SYSCALL_PREFIXES
from kmodlab.evidence.oops.rust_names import readable

# Injected allocation failures print a stack of their own, often into the middle of another report.
_FOREIGN_STACK = re.compile(r"^( \[<?(?:0x)?[0-9a-f]+>?\])? should_fail(slab)?(\.[a-z0-9.]+)?\+0x")

# What stands in a title for a function that could not be found.
NOBODY = "corrupted"

Pick = Callable[[Sequence[str]], str | None]
# A step of a search: a pattern to be found on some later line (its groups are frames), or None: a list of frames.
Step = re.Pattern[str] | None
STACK: Step = None


def innermost(names: Sequence[str]) -> str | None:
    """The first function."""
    return names[0] if names else None


def before_anchor(names: Sequence[str]) -> str | None:
    """For a loop: what the dispatcher called, since where in the loop the clock struck is chance."""
    previous = None
    for name in names:
        if HANG_ANCHORS.search(name):
            # What lies below a call to all processors varies; the call itself is the better name.
            return "smp_call_function" if "smp_call_function" in name else previous or name
        previous = name
    return None


def who_waits(names: Sequence[str]) -> str | None:
    """For a task that waits for ever: the two locks that everybody waits for, else the first that is no wait."""
    for name in names:
        if "rtnl_lock" in name:
            return name
        if re.search(r"synchronize_(?:rcu|srcu|net|sched)", name):
            return "synchronize_rcu"
    return next((name for name in names if not HUNG_TASK_WAITS.search(name)), None)


def title_name(function: str) -> str:
    """What a title calls a function of a trace."""
    return without_syscall_prefix(readable(frames.bare_name(function)))


def without_syscall_prefix(name: str) -> str:
    """`open` for `__do_sys_open` and its like, which differ between architectures; `sys_open` for `__x64_sys_open`."""
    return min((name.removeprefix(prefix) for prefix in ("", *SYSCALL_PREFIXES)), key=len)


@dataclass(frozen=True)
class Search:
    """Where in a report the guilty frame is looked for: steps, steps if those fail, whom else to skip, whom to pick."""

    steps: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()
    skip: tuple[str, ...] = ()
    pick: Pick = innermost

    @cached_property
    def _innocent(self) -> re.Pattern[str]:
        return re.compile("|".join([BYSTANDERS, *self.skip]))

    def run(self, lines: Sequence[str]) -> tuple[list[str], bool]:
        """The guilty function of each stack searched (`NOBODY` where there is none), and whether all went well."""
        names, whole = self._walk(self.steps, lines)
        return (names, whole) if whole or not self.otherwise else self._walk(self.otherwise, lines)

    def _walk(self, steps: tuple[Step, ...], lines: Sequence[str]) -> tuple[list[str], bool]:
        walk = _Walk(lines)
        stacks: list[list[str]] = [[]]
        seen_stack = False
        for number, step in enumerate(steps):
            if step is not None:
                stacks[-1] += [] if walk.arrived(number) else walk.find(step)
                continue
            if seen_stack:
                stacks.append([])
            seen_stack = True
            following = steps[number + 1] if number + 1 < len(steps) else None
            stacks[-1] += walk.collect(following, number + 1)
        guilty = [self._guilty(stack) for stack in stacks]
        return [name or NOBODY for name in guilty], walk.whole and all(guilty)

    def _guilty(self, stack: list[str]) -> str | None:
        names = [readable(name) for name in stack if name]
        return self.pick([without_syscall_prefix(name) for name in names if not self._innocent.search(name)])


@dataclass
class _Walk:
    """One way through the lines of a report; every line is looked at once."""

    lines: Sequence[str]
    position: int = 0
    whole: bool = True
    _reached: set[int] = field(default_factory=set)

    def arrived(self, step: int) -> bool:
        """Whether a stack already ended at what this step looks for."""
        return step in self._reached

    def _next(self) -> str | None:
        if self.position >= len(self.lines):
            return None
        self.position += 1
        return self.lines[self.position - 1]

    def _foreign(self, text: str) -> bool:
        if _FOREIGN_STACK.search(text):
            self.whole = False
            return True
        return False

    def find(self, wanted: re.Pattern[str]) -> list[str]:
        while (text := self._next()) is not None:
            if self._foreign(text):
                break
            found = wanted.search(text)
            if found:
                return [name for name in found.groups() if name]
        return []

    def collect(self, following: Step, following_step: int) -> list[str]:
        names: list[str] = []
        while (text := self._next()) is not None:
            if self._foreign(text) or frames.starts_trace(text):
                break
            reached = following.search(text) if following else None
            if reached:
                self._reached.add(following_step)
                return names + [name for name in reached.groups() if name]
            names += frames.named_functions(text)
        return names
