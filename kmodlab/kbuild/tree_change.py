"""A learner's change of the kernel's own tree, and the view of the tree with the change.

`TreeChange` holds files, entries of Kconfig, lines of Makefiles, and answers to kconfig. `ChangedTree` says which
folders of the tree differ with the change, and how. `intree` builds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType

from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_file
from kmodlab.i18n import _
from kmodlab.kbuild.kernel_build import USR_SRC
from kmodlab.kbuild.sources import FILE_LIMIT
from kmodlab.kernel.own import LEARNERS_FLAGS, OwnKernel

_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*){1,9}")
_OPTION = re.compile(r"(?:CONFIG_)?([A-Z0-9_]{1,60})")
_VALUES = ("y", "m", "n")
_ADDED_TO = ("Kconfig", "Makefile", "Kbuild")
_LAST = re.compile(r"^(?:endmenu|endif)\b.*$", re.MULTILINE)  # of a Kconfig file: what follows the last entry
_DEFINED = re.compile(r"^[ \t]*(?:menu)?config[ \t]+([A-Z0-9_]+)[ \t]*$", re.MULTILINE)
COUNT_LIMIT = 32


@dataclass(frozen=True)
class TreeChange:
    """A learner's change of the tree: texts by path (drivers/misc/hello.c), and answers by option (HELLO: y).

    If the kernel has a Kconfig or Makefile at the path, the text is added to it; any other text is a whole file.
    `margin` is the number of lines above each text where the learner reads it: 1 in a notebook's cell, for its magic.
    Made by `TreeChange.of`, which checks it.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    margin: int = 0

    @classmethod
    def of(cls, texts: Mapping[str, str], answers: Mapping[str, str], margin: int = 0) -> TreeChange:
        """Check paths, sizes, options and values. Raises: UsageError."""
        for path, text in texts.items():
            check_path(path)
            if len(text.encode("utf-8", "replace")) > FILE_LIMIT or "\0" in text:
                message = _("{name} is larger than {size} MiB, or no text.")
                raise UsageError(message.format(name=path, size=FILE_LIMIT // MIB))
        if len(texts) > COUNT_LIMIT:
            raise UsageError(_("These are too many files: at most {number}.").format(number=COUNT_LIMIT))
        return cls(MappingProxyType(dict(texts)), MappingProxyType(dict(check_answers(answers))), margin)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is changed."""
        return not self.texts and not self.answers

    @property
    def shown(self) -> dict[str, str]:
        """The texts by path, as the learner reads them: with the margin above them."""
        return {path: "\n" * self.margin + text for path, text in self.texts.items()}

    @property
    def defined(self) -> tuple[str, ...]:
        """The options that the learner's Kconfig texts define, in their order."""
        kconfigs = [text for path, text in self.texts.items() if PurePosixPath(path).name.startswith("Kconfig")]
        return tuple(dict.fromkeys(name for text in kconfigs for name in _DEFINED.findall(text)))


def check_path(path: str) -> str:
    """A path below the kernel's tree. Raises: UsageError."""
    if not _PATH.fullmatch(path) or len(path) > 200:
        raise UsageError(
            _("{path} is no path in the kernel's tree.").format(path=ascii(path[:80])),
            hint=_("Name a file in one of its folders, for instance drivers/misc/hello.c."),
        )
    return path


def check_answers(answers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Options without CONFIG_, and their values. Raises: UsageError."""
    for option, value in answers.items():
        match = _OPTION.fullmatch(option)
        if not match or value not in _VALUES:
            raise UsageError(
                _("{option}={value} is no answer for kconfig.").format(
                    option=ascii(option)[1:-1], value=ascii(value)[1:-1]
                ),
                hint=_("Give an option and y, m or n, for instance HELLO=y."),
            )
        yield match[1], value


@dataclass(frozen=True)
class ChangedTree:
    """The tree with a change: the folders that become folders of links, and the texts of the files that differ."""

    kernel: OwnKernel
    change: TreeChange

    @property
    def tree(self) -> str:
        """The path of the source in the sandbox, the same as when the objects were built."""
        return f"{USR_SRC}/{self.kernel.source.name}"

    @property
    def objects(self) -> str:
        """The path of the objects in the sandbox."""
        return f"{USR_SRC}/{self.kernel.headers.name}"

    @property
    def folders(self) -> list[str]:
        """The existing folders of the source with changed or new files, or new folders; none is inside another."""
        changed = {self._nearest(PurePosixPath(path).parent) for path in self.files}
        return sorted(name for name in changed if not any(name.startswith(f"{other}/") for other in changed))

    def _nearest(self, folder: PurePosixPath) -> str:
        while not (self.kernel.source / folder).is_dir() or (self.kernel.source / folder).is_symlink():
            folder = folder.parent
        return str(folder)

    @property
    def units(self) -> list[str]:
        """The paths of the learner's C files."""
        return [path for path in self.change.texts if path.endswith(".c")]

    @property
    def files(self) -> dict[str, str]:
        """The texts that differ from the source's, by path, as make gets them."""
        files = {path: self._merged(path)[0] for path in self.change.texts}
        for path in self.units:
            self._add_debug_information(files, PurePosixPath(path))
        return files

    def _add_debug_information(self, files: dict[str, str], source: PurePosixPath) -> None:
        """Add a line to the Makefile, hidden from the learner, that compiles an object with debugging information."""
        folder = source.parent
        names = [str(folder / name) for name in ("Kbuild", "Makefile")]
        makefile = next((name for name in names if name in files or self.original(name) is not None), None)
        if makefile:
            text = files.get(makefile) or self.original(makefile) or ""
            files[makefile] = f"{_ended(text)}CFLAGS_{source.stem}.o += {LEARNERS_FLAGS}\n"

    def original(self, path: str) -> str | None:
        """The kernel's own text of a file; None if it has no such file."""
        try:
            return read_file(self.kernel.source / path, 8 * FILE_LIMIT, follow=False).decode("utf-8", "replace")
        except OSError:
            return None

    def _merged(self, path: str) -> tuple[str, int]:
        """The text of a file with the change in it, and the number of lines above the learner's text."""
        text = _ended(self.change.texts[path])
        original = self.original(path) if PurePosixPath(path).name in _ADDED_TO else None
        if original is None:
            return text, 0
        original = _ended(original)
        ends = list(_LAST.finditer(original)) if path.endswith("Kconfig") else []
        at = ends[-1].start() if ends else len(original)
        above = original[:at]
        separator = "" if not above or above.endswith("\n\n") or not path.endswith("Kconfig") else "\n"
        below = original[at:]
        text += "\n" if below and not text.endswith("\n\n") else ""
        return above + separator + text + below, (above + separator).count("\n")

    def offset(self, path: str) -> int:
        """The number of lines above the learner's text in a file."""
        return self._merged(path)[1] if path in self.change.texts else 0

    def texts(self) -> dict[str, str]:
        """The changed files as the learner would have them in the tree, by path."""
        return {path: self._merged(path)[0] for path in self.change.texts}

    def packed(self) -> dict[str, bytes]:
        """The files for the sandbox: changed files, answers to kconfig's questions, and options that the kernel has."""
        answers, own = self.change.answers, self.change.defined
        asked = "".join(f"{answers.get(option, '')}\n" for option in own)
        known = "".join(f"{option}={value}\n" for option, value in answers.items() if option not in own)
        packed = {f"tree/{path}": text.encode() for path, text in self.files.items()}
        names = "".join(f"{path}\n" for path in self.units)
        lists = {"answers": asked, "options": known, "names": names, "wanted": "".join(sorted(self._wanted()))}
        return packed | {name: text.encode() for name, text in lists.items()}

    def _wanted(self) -> Iterator[str]:
        """The lines of .config that follow from the answers; for n there is none if the option is not visible."""
        for option, value in self.change.answers.items():
            if value != "n":
                yield f"CONFIG_{option}={value}\n"


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"
