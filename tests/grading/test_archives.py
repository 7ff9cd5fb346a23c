"""Archives and notebooks that were made to do harm: each costs a sentence, and nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from submission_factory import make_tar, make_zip, notebook, write

from kmodlab.grading import archives
from kmodlab.grading.archives import find_files
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import LARGEST, NotebookError, read_notebook

NOTEBOOK = notebook()


def files_in(tmp_path: Path, name: str, content: bytes) -> list[HandedIn]:
    return list(find_files(write(tmp_path, {name: content}) / name))


def problems(files: list[HandedIn]) -> list[str]:
    return [file.problem for file in files if file.problem]


def wholes(files: list[HandedIn]) -> list[str]:
    return ["/".join(file.parts[1:]) for file in files if not file.problem]


@pytest.mark.parametrize("name", ["../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "C:\\x.ipynb", "..\\x.ipynb"])
def test_names_that_lead_out_of_an_archive_are_left_out(tmp_path: Path, name: str) -> None:
    members = {name: NOTEBOOK, "ada/hello.ipynb": NOTEBOOK}
    for kind, content in (("x.zip", make_zip(members)), ("x.tar.gz", make_tar(members))):
        files = files_in(tmp_path, kind, content)
        assert problems(files) == ["Its name leads out of the archive."]
        assert wholes(files) == ["ada/hello.ipynb"]


def member(kind: bytes, name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_file_are_left_out(tmp_path: Path, kind: bytes) -> None:
    files = files_in(tmp_path, "x.tar", make_tar({"ada/hello.ipynb": NOTEBOOK}, member(kind, "x.ipynb"), mode="w"))
    assert problems(files) == ["It is a link or a device."]
    assert wholes(files) == ["ada/hello.ipynb"]


def test_a_link_in_a_zip_file_is_left_out(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("hello.ipynb")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert problems(files_in(tmp_path, "x.zip", stream.getvalue())) == ["It is a link or a device."]


def test_links_and_pipes_in_a_folder_are_left_out_and_hold_nobody_up(tmp_path: Path) -> None:
    write(tmp_path / "a", {"ada/hello.ipynb": NOTEBOOK, "outside.ipynb": NOTEBOOK})
    folder = tmp_path / "a" / "eve"
    folder.mkdir()
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    os.mkfifo(folder / "pipe.ipynb")
    files = list(find_files(tmp_path / "a"))
    assert sorted(problems(files)) == [
        "It is a link or a device.",
        "It is a link or a device.",
        "It is not a regular file.",
    ]
    assert sorted(wholes(files)) == ["ada/hello.ipynb", "outside.ipynb"]


def test_a_bomb_is_read_no_further_than_a_notebook_may_be_large(tmp_path: Path) -> None:
    files = files_in(tmp_path, "x.zip", make_zip({"ada/bomb.ipynb": bytes(300 << 20), "bob/a.ipynb": NOTEBOOK}))
    assert problems(files) == ["It is larger than 64 MiB."]
    assert wholes(files) == ["bob/a.ipynb"]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_a_learners_bomb_in_a_stream_ends_with_its_budget(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    inner = compress(make_tar({"filler.bin": bytes(200 << 20), "hello.ipynb": NOTEBOOK}, mode="w"))
    files = files_in(tmp_path, "x.zip", make_zip({"eve/own.tar.gz": inner, "bob/hello.ipynb": NOTEBOOK}))
    assert problems(files) == [
        "It is not a notebook.",
        "It unpacks to far more than submissions need; the rest is left out.",
    ]
    assert wholes(files) == ["bob/hello.ipynb"]


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_who_hands_in_many_bombs_uses_up_only_the_own_share(
    tmp_path: Path, make: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MIB", 1 << 10)  # limits and bombs are a thousandth of what they are
    bomb = make_zip({"filler.ipynb": bytes(60 << 10), "more.ipynb": bytes(60 << 10)})
    bombs = {f"eve/{number}.zip": bomb for number in range(60)}  # more than all may unpack to
    files = files_in(tmp_path, "x.zip", make({**bombs, "zoe/hello.ipynb": NOTEBOOK}))
    assert wholes(files)[-1] == "zoe/hello.ipynb"
    assert sum("far more" in problem for problem in problems(files)) >= 50


def test_archives_in_archives_in_archives_are_not_opened(tmp_path: Path) -> None:
    third = make_zip({"hello.ipynb": NOTEBOOK})
    files = files_in(tmp_path, "x.zip", make_zip({"eve/a.zip": make_zip({"b.zip": third, "c.ipynb": NOTEBOOK})}))
    assert wholes(files) == ["eve/a.zip/c.ipynb"]
    assert problems(files) == ["It is an archive in an archive in an archive, and is not opened."]


def test_a_learners_archive_holds_only_so_many_notebooks(tmp_path: Path) -> None:
    own = make_zip({f"{number}.ipynb": b"{}" for number in range(60)})
    files = files_in(tmp_path, "x.zip", make_zip({"eve/own.zip": own, "bob/hello.ipynb": NOTEBOOK}))
    assert problems(files) == ["It has too many notebooks; the rest is left out."]
    assert wholes(files)[-1] == "bob/hello.ipynb"


def test_an_archive_has_only_so_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_tar({f"{number}.txt": b"" for number in range(2100)})
    files = files_in(tmp_path, "x.zip", make_zip({"eve/own.tgz": own, "bob/hello.ipynb": NOTEBOOK}))
    assert problems(files) == ["It is not a notebook."] * 20 + ["It has too many members; the rest is left out."]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_doubled_members_the_first_counts(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("ada/hello.ipynb", NOTEBOOK)
        archive.writestr("ada/./hello.ipynb", b"other")
        archive.writestr("ada/hello.ipynb", b"another")
    files = files_in(tmp_path, "x.zip", stream.getvalue())
    assert problems(files) == ["The archive has it twice; the first one counts."] * 2
    assert [file.content for file in files if not file.problem] == [NOTEBOOK]


def test_an_encrypted_member_is_a_sentence(tmp_path: Path) -> None:
    content = bytearray(make_zip({"ada/hello.ipynb": NOTEBOOK}))
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flag] |= 1
    assert problems(files_in(tmp_path, "x.zip", bytes(content))) == [
        "It is encrypted, or compressed in a way that is not supported."
    ]


def test_a_member_whose_bytes_are_damaged_costs_only_itself(tmp_path: Path) -> None:
    content = bytearray(make_zip({"ada/hello.ipynb": NOTEBOOK, "bob/hello.ipynb": NOTEBOOK}))
    content[100:140] = bytes(40)
    files = files_in(tmp_path, "x.zip", bytes(content))
    assert problems(files) == ["It is damaged."]
    assert wholes(files) == ["bob/hello.ipynb"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
@pytest.mark.parametrize("content", [b"", b"PK", b"nothing of the kind", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"])
def test_what_is_no_archive_is_a_sentence_at_most(tmp_path: Path, name: str, content: bytes) -> None:
    assert len(problems(files_in(tmp_path, name, content))) <= 1


def both_forms(tmp_path: Path, files: dict[str, bytes]) -> Iterator[list[HandedIn]]:
    """The files in an archive, and in a folder."""
    yield files_in(tmp_path, "x.zip", make_zip(files))
    yield list(find_files(write(tmp_path / "folder", files)))


def test_what_nobody_wrote_is_passed_over(tmp_path: Path) -> None:
    names = ("__MACOSX/._hello.ipynb", "ada/.ipynb_checkpoints/hello-checkpoint.ipynb", ".DS_Store", "ada/a.ipynb")
    for files in both_forms(tmp_path, dict.fromkeys(names, NOTEBOOK)):
        assert wholes(files) == ["ada/a.ipynb"]
        assert not problems(files)


def test_what_is_no_notebook_is_named(tmp_path: Path) -> None:
    for files in both_forms(tmp_path, dict.fromkeys(("ada/notes.txt", "bob.7z", "eve/hello.ipynb.txt"), NOTEBOOK)):
        assert problems(files) == ["It is not a notebook."] * 3
        assert {"/".join(file.parts[1:]) for file in files} == {"ada/notes.txt", "bob.7z", "eve/hello.ipynb.txt"}


def test_what_holds_nothing_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for folder in ("ada/", "bob/", "eve/", "eve/task/"):
            archive.mkdir(folder)
        archive.writestr("bob/hello.ipynb", NOTEBOOK)
        archive.writestr("mia.zip", make_zip({}))
    files = files_in(tmp_path, "x.zip", stream.getvalue())
    assert ["/".join(file.parts[1:]) for file in files if file.problem] == ["mia.zip/", "ada/", "eve/task/"]
    assert problems(files) == ["There is nothing in it."] * 3
    (tmp_path / "given" / "ada").mkdir(parents=True)
    (file,) = find_files(tmp_path / "given")
    assert (file.parts, file.problem) == (("given", "ada", ""), "There is nothing in it.")


def test_a_hidden_file_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    names = {"ada/.hello.ipynb": NOTEBOOK, ".ada.zip": b"", ".cache/bob.ipynb": NOTEBOOK, "ada/._hello.ipynb": b""}
    for files in both_forms(tmp_path, names):
        assert problems(files) == ["Its name begins with a dot, as only hidden files' names do."] * 3


def test_nothing_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, {"x.zip": make_zip({"../../evil.ipynb": NOTEBOOK, "ada/own.zip": make_zip({"a": b"b"})})})
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    read_submissions([path / "x.zip"], ["01-hello"])
    assert sorted(path.iterdir()) == [empty, path / "x.zip"]
    assert not list(empty.iterdir())


SEEDS = [
    make_zip({"ada/hello.ipynb": b'{"cells": []}', "bob/own.tar.gz": make_tar({"hello.ipynb": b"{}"})}),
    make_tar({"ada/hello.ipynb": b'{"cells": []}', "é" * 60 + "/x.ipynb": b"{}"}, mode="w"),
    make_tar({"ada/hello.ipynb": b"{}"}, member(tarfile.SYMTYPE, "x.ipynb")),
]


@given(
    seed=st.sampled_from(range(len(SEEDS))),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10_000),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_archive_never_raises(tmp_path: Path, seed: int, changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(SEEDS[seed])
    for offset, value in changes:
        content[offset % len(content)] = value
    path = tmp_path / ("x.zip" if seed == 0 else "x.tar")
    path.write_bytes(content[: max(1, cut)])
    for file in read_submissions([path], ["01-hello"]):
        assert file.learner or file.problem


def test_a_negative_offset_in_a_tar_file_does_not_go_round_in_circles(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("a.txt").tobuf())
    header[124:136] = b"\xff" * 11 + b"\x00"  # a size below zero, in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert not wholes(files_in(tmp_path, "x.tar", bytes(header) * 3))


# ---- notebooks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "It is empty."),
        (b"  \n", "It is empty."),
        (b"\xff\xfe{}", "It is not UTF-8 text."),
        (b'{"cells": [', "It is not JSON, or was cut off."),
        (b"[" * 100_000, "It is nested too deeply."),
        (b'{"a":' * 50_000, "It is nested too deeply."),
        (b'{"nbformat": NaN, "cells": []}', "It has NaN in it, which JSON does not allow."),
        (b'{"nbformat": 4, "cells": [1e999999, -Infinity]}', "It has -Infinity in it, which JSON does not allow."),
        (b'{"nbformat": ' + b"9" * 5000 + b', "cells": []}', "It is not JSON, or was cut off."),
        (b"[]", "It is not a notebook: there are no cells in it."),
        (b'{"cells": {}}', "It is not a notebook: there are no cells in it."),
        (b'{"nbformat": 3, "worksheets": []}', "Its notebook format is not 4; save it with a current Jupyter."),
        (b'{"nbformat": "4", "cells": []}', "Its notebook format is not 4; save it with a current Jupyter."),
        (b'{"nbformat": 4, "cells": [7]}', "Its cell 1 is not a cell."),
        (b'{"nbformat": 4, "cells": [{"source": 7}]}', "Its cell 1 is not a cell."),
        (b'{"nbformat": 4, "cells": [{"source": ["a", 7]}]}', "Its cell 1 is not a cell."),
        (b'{"nbformat": 4, "cells": [' + b"{}," * 999_999 + b"{}]}", "It has too many values in it for a notebook."),
        (b'{"nbformat": 4, "cells": [' + b"{}," * 2000 + b"{}]}", "It has 2001 cells; at most 2000 are read."),
        (b" " * (LARGEST + 1), "It is larger than 64 MiB."),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_no_notebook_is_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(NotebookError) as caught:
        read_notebook(content)
    assert str(caught.value) == sentence


def test_a_gigabyte_in_one_cell_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "ada.ipynb"
    with path.open("wb") as file:
        file.write(b'{"cells": [{"source": "')
        file.truncate(1 << 30)
    assert problems(list(find_files(path))) == ["It is larger than 64 MiB."]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CELLS = st.fixed_dictionaries(
    {"source": JSON | st.text()}, optional={"id": JSON, "cell_type": JSON, "metadata": JSON, "outputs": JSON}
)


@given(cells=st.lists(CELLS, max_size=4), metadata=JSON)
@settings(max_examples=150, deadline=None)
def test_a_notebook_of_whatever_shape_is_read_or_refused(cells: list[Any], metadata: Any) -> None:
    try:
        read = read_notebook(json.dumps({"nbformat": 4, "cells": cells, "metadata": metadata}).encode())
    except NotebookError as error:
        assert str(error).endswith(".")
    else:
        assert all(isinstance(cell.source, str) and cell.source.encode() is not None for cell in read.cells)


def test_the_limits_fit_together() -> None:
    assert archives._inner(archives._outer()).size > LARGEST
