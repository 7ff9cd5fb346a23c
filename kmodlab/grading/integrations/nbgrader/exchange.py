"""Collects submissions in nbgrader: only those that the named learner has submitted, and without links.

Every learner can write into the exchange's inbound folder, under any name. nbgrader takes the folder's name for the
learner's, only warns if another user owns it, follows links with the rights of the collecting user, and stops at the
first folder that it cannot read.
"""

from __future__ import annotations

import datetime
import os
import pwd
import re
import shutil
import stat
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect

from kmodlab.files import remove
from kmodlab.grading.integrations.nbgrader.autograde import FOR_EXCHANGE, MOST_FOR_EXCHANGE
from kmodlab.i18n import _
from kmodlab.text import escape_control_chars

_READABLE = re.compile(rb"[ -~\n]{1,%d}" % MOST_FOR_EXCHANGE)
_TO_HAND_IN_S = 600
_NOBODY = ""  # the learner of a submission that is not collected


class CollectOwn(ExchangeCollect):
    """Collects a submission if its folder's owner is the learner in its name; links in it are left out.

    `c.ExchangeCollect.check_owner = False` collects the folders of all owners, for a JupyterHub on which all learners
    are the same user.
    """

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)  # type: ignore[no-untyped-call]
            problem = self._find_problem(Path(path), record["username"])
        except (ExchangeError, ValueError, OverflowError, OSError):
            record = {"filename": Path(path).name, "timestamp": datetime.datetime.min}
            problem = _("its name is not that of a submission.")
        if problem:
            self._tell(path, problem)
            record["username"] = _NOBODY
        return record

    def _find_problem(self, path: Path, learner: str) -> str:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            return _("it is not a folder.")
        if learner in ("", ".", ".."):
            return _("its name is not that of a submission.")
        self._compare_times(path, status.st_ctime)
        owner = _name_of(status.st_uid)
        if self.check_owner and owner != learner:
            return _("it says that it is {learner}'s, but {owner} handed it in.").format(learner=learner, owner=owner)
        return ""

    def _compare_times(self, path: Path, changed: float) -> None:
        """Warn if a folder's time of submission is long before its ctime, which users cannot set."""
        said = super()._path_to_record(str(path))["timestamp"]  # type: ignore[no-untyped-call]
        written = datetime.datetime.fromtimestamp(changed, datetime.UTC).replace(tzinfo=None)
        if (written - said).total_seconds() > _TO_HAND_IN_S:
            sentence = _("{path} says that it was handed in at {said} UTC, but was written at {written:%F %T} UTC.")
            self.log.warning("%s", escape_control_chars(sentence.format(path=path, said=said, written=written)))

    def _tell(self, path: str, problem: str) -> None:
        self.log.error(
            "%s", escape_control_chars(_("{path} is not collected: {problem}").format(path=path, problem=problem))
        )

    def init_src(self) -> None:
        """Find the submissions to collect."""
        super().init_src()  # type: ignore[no-untyped-call]
        self.src_records = [record for record in self.src_records if record["username"] != _NOBODY]

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy one submission; if that fails, the others are still collected."""
        try:
            with TemporaryDirectory(prefix="kmodlab-collect-") as folder:
                copied = src
                if not self._is_too_large(src):  # nbgrader itself reports that
                    copied = str(Path(folder, "submission"))
                    shutil.copytree(src, copied, symlinks=True, ignore=self._ignore_links)
                super().do_copy(copied, dest, log=log)  # type: ignore[no-untyped-call]
                self._complete(Path(src), Path(dest))
        except (OSError, RuntimeError) as error:  # shutil.Error is an OSError
            remove(Path(dest))
            self._tell(src, str(error))

    def _complete(self, folder: Path, collected: Path) -> None:
        """Write missing files that nbgrader needs to release the feedback."""
        time = super()._path_to_record(str(folder))["timestamp"]  # type: ignore[no-untyped-call]
        for name, text in zip(FOR_EXCHANGE, (f"{time} UTC", token_hex(32)), strict=True):
            path = collected / name
            if not path.is_file() or not _READABLE.fullmatch(path.read_bytes()[: MOST_FOR_EXCHANGE + 1]):
                remove(path)
                path.write_text(text)

    def _is_too_large(self, folder: str) -> bool:
        return bool(self.get_size(folder) > 1000 * self.coursedir.max_dir_size)  # type: ignore

    def _ignore_links(self, folder: str, names: list[str]) -> list[str]:
        modes = {name: os.lstat(Path(folder, name)).st_mode for name in names}
        ignored = [name for name, mode in modes.items() if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)]
        for name in ignored:
            self._tell(str(Path(folder, name)), _("It is a link or a device."))
        return ignored


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
