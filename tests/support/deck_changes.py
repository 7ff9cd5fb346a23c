"""Writes notebooks/then-and-now.md: each command of the deck, compared with what it does today.

Run it after each change here: `make record`.

The deck's half is quoted from the deck; the other half comes from a run in the lab. If the halves differ, a case must
have a sentence that says why; if they are equal, it must have none. Otherwise nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from mistakes import DECK

from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.settings import get_settings

PAGE = Path(__file__).parents[2] / "notebooks" / "then-and-now.md"

LICENCE = '\nMODULE_LICENSE("GPL");\n'

_HEAD = """\
# Then and now

Every command of the deck *Module Loading, Hello World* (written on Linux 5.9), with what the deck shows or says about
it, and what it does today, on Linux {release}. Today's outputs are recorded; a test runs the commands again
and compares.
"""


@dataclass(frozen=True)
class Bench:
    """Runs commands: a lab, and a guest whose state lasts from command to command."""

    lab: Lab
    session: Session

    def make(self, source: str) -> str:
        """The output of the deck's make for a source; the module is copied to the deck's path."""
        built = build(self.lab.tree, Sources.of("hello", {"hello.c": source, "Makefile": "obj-m += hello.o\n"}))
        if built.ko is not None:
            self.session.put("/root/path/to/hello.ko", built.ko)
        return built.transcript

    def type(self, *lines: str) -> str:
        """The text in a guest's terminal after some commands."""
        shown = []
        for line in lines:
            done = self.session.run(["sh", "-c", f"exec 2>&1; {line}"], timeout_s=300, directory="/root/here")
            shown.append(f"# {line}\n{done.stdout.decode()}")
            # A command that fails without a message must not look like one that succeeds.
            assert done.ok or done.stdout, f"{line}: status {done.status}"
        return "".join(shown)


@dataclass(frozen=True)
class Case:
    """A command of the deck. `then` is the deck's output; `why` is the reason for a difference, or empty."""

    title: str
    then: str
    now: Callable[[Bench], str]
    why: str = ""


def typed(*lines: str) -> Callable[[Bench], str]:
    """A run of commands in the guest."""
    return lambda bench: bench.type(*lines)


_MAKE = """\
$ make -C /path/to/kernel/tree M=$(pwd) modules
make: Entering directory '/path/to/kernel/tree'
  CC [M]  /tmp/hello.o
  MODPOST /tmp/Module.symvers
WARNING: modpost: missing MODULE_LICENSE() in /tmp/hello.o
  CC [M]  /tmp/hello.mod.o
  LD [M]  /tmp/hello.ko
make: Leaving directory '/path/to/kernel/tree'
"""

CASES = (
    Case(
        "make: the deck's hello.c",
        _MAKE,
        lambda bench: bench.make(DECK),
        "Then, a module without `MODULE_LICENSE()` was linked with a warning. Today it is an error, and there is no "
        "`hello.ko`.",
    ),
    Case(
        "make: with a licence",
        _MAKE,
        lambda bench: bench.make(DECK + LICENCE),
        "The deck has no module with a licence: this is its one transcript again. With a licence, there is no message, "
        "and the steps are the deck's and one more. `BTF` would add a description of the module's types. It needs a "
        "`vmlinux` with those of the kernel, which is not in Debian 12's headers.",
    ),
    Case(
        "insmod: by file name",
        "# insmod ../path/to/hello.ko\n",
        typed("insmod ../path/to/hello.ko"),
    ),
    Case(
        "printk(KERN_DEBUG)",
        'printk(KERN_DEBUG "hello init\\n");\n',
        typed("dmesg | tail -n 1", "cat /proc/sys/kernel/printk"),
        "The deck does not say where the text appears: in the kernel's log. A console shows messages whose level is "
        "below the first number; `KERN_DEBUG` is level 7, so no console shows it.",
    ),
    Case(
        "lsmod",
        "Lists all loaded modules\n",
        typed("lsmod | head -n 2"),
        "The same; the deck shows no output. The latest module comes first.",
    ),
    Case("rmmod: by module name", "# rmmod hello\n", typed("rmmod hello")),
    Case(
        "insmod: no dependency resolution",
        "No dependency resolution (does fail if there are unresolved symbols)\n",
        typed("insmod /lib/modules/$(uname -r)/kernel/net/bridge/bridge.ko", "dmesg | tail -n 1"),
        "The same: insmod reports the error, and the log names the missing symbols.",
    ),
    Case(
        "modprobe: loads all dependencies",
        "Loads all dependencies\n",
        typed("modprobe bridge", "lsmod | head -n 4"),
        "The same: `bridge` needs `stp` and `llc`, and they were loaded before it.",
    ),
    Case(
        "rmmod: leaves dependencies in place",
        "Leaves now-unused dependencies in place (use modprobe -r instead)\n",
        typed("rmmod bridge", "lsmod | head -n 3"),
        "The same.",
    ),
    Case(
        "modprobe -r: unloads including dependencies",
        "Variant: modprobe -r hello unloads including dependencies\n",
        typed("modprobe bridge", "modprobe -r bridge", "lsmod | head -n 2"),
        "Not all of them: it goes through the dependencies once, in the order in which they were loaded. When it came "
        "to `llc`, `stp` was still using it.",
    ),
    Case(
        "modprobe: by module name, before depmod",
        "Inserts module by module name (e.g. modprobe hello)\nSearches for hello.ko in /lib/modules/$(uname -r)\n",
        typed(
            "mkdir /lib/modules/$(uname -r)/extra",
            "cp ../path/to/hello.ko /lib/modules/$(uname -r)/extra",
            "modprobe hello",
        ),
        "It does not search the folder, but the databases in it, and they do not contain the new file yet.",
    ),
    Case(
        "ls: the databases",
        """\
$ ls -1 /lib/modules/$(uname -r)/modules.*
/lib/modules/5.9.16-200.fc33.x86_64/modules.dep
/lib/modules/5.9.16-200.fc33.x86_64/modules.dep.bin
/lib/modules/5.9.16-200.fc33.x86_64/modules.softdep
/lib/modules/5.9.16-200.fc33.x86_64/modules.symbols
/lib/modules/5.9.16-200.fc33.x86_64/modules.symbols.bin
... many more omitted ...
""",
        typed("ls -1 /lib/modules/$(uname -r)/modules.*"),
        "The files that the deck shows, and those that it leaves out. The folder has the name of the kernel that runs: "
        "the deck's was Fedora's, this one is Debian's.",
    ),
    Case("depmod", "# depmod -a\n", typed("depmod -a")),
    Case("modprobe: by module name, after depmod", "# modprobe hello\n", typed("modprobe hello")),
    Case("modprobe -r", "# modprobe -r hello\n", typed("modprobe -r hello")),
)


def run_cases(lab: Lab, cases: tuple[Case, ...] = CASES) -> Iterator[tuple[Case, str]]:
    """Run all cases in one guest; yields each with its present output."""
    with Session(lab) as session:
        session.run(["mkdir", "-p", "/root/path/to", "/root/here"])
        for case in cases:
            yield case, case.now(Bench(lab, session))


def make_page(lab: Lab, cases: tuple[Case, ...] = CASES) -> str:
    """The text of then-and-now.md, from a run."""
    results = [(case, now, find_verdict(case, now)) for case, now in run_cases(lab, cases)]
    rows = "".join(f"| [{case.title}](#{_anchor(case.title)}) | {verdict} |\n" for case, _, verdict in results)
    table = f"| The deck | Today |\n| --- | --- |\n{rows}"
    parts = [_section(case, now, verdict) for case, now, verdict in results]
    return "\n".join([_HEAD.format(release=lab.tree.release), table, *parts])


def find_verdict(case: Case, now: str) -> str:
    """The verdict on a case: the same, or why not. Raises: AssertionError if `why` contradicts the outputs."""
    alike = _plain(case.then) == _plain(now)
    assert alike or case.why, f"{case.title}: this is not what the deck has, and nothing says why:\n{now}"
    assert not (alike and case.why), f"{case.title}: this is what the deck has, and yet it is explained."
    return case.why or "Exactly the same."


def _plain(text: str) -> str:
    """A transcript without paths and similar details of the machine."""
    text = re.sub(r"^[$#] ", "", text, flags=re.M)
    return re.sub(r"/usr/src/linux-headers-[-+.\w]+", "/path/to/kernel/tree", text)


def _anchor(title: str) -> str:
    """The anchor of a heading, in the style of GitHub."""
    return re.sub(r"[^-\w ]", "", title.lower()).replace(" ", "-")


def _section(case: Case, now: str, verdict: str) -> str:
    cells = "".join(f"<td><pre>{escape(text.rstrip(), quote=False)}</pre></td>\n" for text in (case.then, now))
    table = f'<table>\n<tr><th>The deck</th><th>Today</th></tr>\n<tr valign="top">\n{cells}</tr>\n</table>'
    return f"## {case.title}\n\n{table}\n\n{verdict}\n"


if __name__ == "__main__":
    PAGE.write_text(make_page(load_lab(get_settings())), encoding="utf-8")
