"""The lines of magics: options, names, what goes through a shell, what is refused in one sentence."""

from __future__ import annotations

import pytest

from kmodlab.errors import UsageError
from kmodlab.notebook import completion, extension, guest, kmod, source_files
from kmodlab.notebook.state import NotebookState


def test_kmods_options_are_parsed_as_in_a_shell() -> None:
    options = kmod.KMOD_OPTIONS.parse("hello -p 'whom=you all' --param count=3 --file a.h --file b.c --unload")
    assert options.name == "hello"
    assert options.param == ["whom=you all", "count=3"]
    assert options.file == ["a.h", "b.c"]
    assert options.unload and not options.build_only


def test_a_cell_without_a_name_is_called_cell() -> None:
    assert kmod.KMOD_OPTIONS.parse("").name == "cell"


@pytest.mark.parametrize("line", ["a b", "-rf", "hello --nosuch", "hello --timeout soon", "'hello", "hello --unl"])
def test_what_makes_no_sense_is_refused_in_one_sentence(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        kmod.KMOD_OPTIONS.parse(line)
    assert str(caught.value).endswith((".", line)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../x", "a.b", "$(id)", "x" * 300, "hello.c"])
def test_a_name_that_is_no_modules_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        NotebookState().sources(name, "int x;", [], ())


def test_the_compilers_line_numbers_are_those_of_the_cell() -> None:
    sources = NotebookState().sources("hello", "first\nsecond\n", [], ())
    assert sources.files["hello.c"].split(b"\n")[1] == b"first"  # line 2, below the magic's own


@pytest.mark.parametrize("cell", ["", "\n", "  \n\t\n"])
def test_an_empty_cell_is_refused(cell: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        NotebookState().sources("hello", cell, [], ())


def test_files_of_other_cells_are_built_with_it() -> None:
    state = NotebookState(files={"greeting.h": "\n#define A"}, makefiles={"hello": "\nobj-m += hello.o\n"})
    sources = state.sources("hello", "int x;", ["greeting.h"], ())
    assert set(sources.files) == {"hello.c", "greeting.h", "Makefile"}
    assert not sources.generated


def test_a_makefile_is_used_for_its_own_module_only() -> None:
    state = NotebookState(makefiles={"other": "obj-m += other.o\n"})
    assert state.sources("hello", "int x;", [], ()).generated


@pytest.mark.parametrize("name", ["nosuch.h", "../x.h", "/dev/zero", ""])
def test_a_further_file_must_be_there(name: str) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        NotebookState().sources("hello", "int x;", [name], ())


def test_a_file_is_not_named_twice() -> None:
    state = NotebookState(files={"a.h": "x"})
    with pytest.raises(UsageError, match="twice"):
        state.sources("hello", "int x;", ["a.h", "a.h"], ())
    with pytest.raises(UsageError, match="the cell itself"):
        state.sources("hello", "int x;", ["hello.c"], ())


# ---- tools ---------------------------------------------------------------------------------------------------------


def test_a_tool_gets_its_arguments_as_they_are() -> None:
    assert guest.tool_argv("insmod", "hello.ko 'whom=a b' n=3") == ["insmod", "hello.ko", "whom=a b", "n=3"]
    assert guest.tool_argv("lsmod", "") == ["lsmod"]


@pytest.mark.parametrize("line", ["| head -2", "/lib/modules/$(uname -r)/x.ko", "*.ko", "> /tmp/x", "hello # bye"])
def test_a_line_that_needs_a_shell_goes_through_one(line: str) -> None:
    assert guest.tool_argv("modinfo", line) == ["sh", "-c", f"modinfo {line}"]


def test_what_is_quoted_needs_no_shell() -> None:
    assert guest.tool_argv("insmod", "hello.ko 'text=a|b $c'") == ["insmod", "hello.ko", "text=a|b $c"]


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_makefile_belongs_to_the_module_that_it_names() -> None:
    state = NotebookState()
    source_files.makefile(state, "", "obj-m += hello.o\nhello-y := a.o b.o\n")
    assert state.makefiles == {"hello": "\nobj-m += hello.o\nhello-y := a.o b.o\n"}


@pytest.mark.parametrize("cell", ["all:\n", "obj-m += a.o b.o\n", "obj-m += a.o\nobj-m += b.o\n"])
def test_a_makefile_for_no_one_module_needs_a_name(cell: str) -> None:
    state = NotebookState()
    with pytest.raises(UsageError, match="not clear"):
        source_files.makefile(state, "", cell)
    source_files.makefile(state, "hello", cell)
    assert list(state.makefiles) == ["hello"]


def test_a_makefile_can_be_dropped_once() -> None:
    state = NotebookState(makefiles={"hello": "x"})
    source_files.makefile(state, "--drop hello", None)
    assert not state.makefiles
    with pytest.raises(UsageError):
        source_files.makefile(state, "--drop hello", None)


def test_a_further_file_is_checked_when_it_is_written_down() -> None:
    state = NotebookState()
    source_files.kfile(state, "greeting.h", "#define A 1\n")
    for name in ("../x.h", "", "a.o"):
        with pytest.raises(UsageError):
            source_files.kfile(state, name, "x")
    assert state.files == {"greeting.h": "\n#define A 1\n"}


def test_what_is_in_effect_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    state = NotebookState()
    source_files.makefile(state, "hello", None)
    source_files.makefile(state, "hello", "obj-m += hello.o\nccflags-y += -DDEBUG\n")
    source_files.makefile(state, "", None)
    out, err = capsys.readouterr()
    assert "is the usual one:\nobj-m += hello.o" in out and "is yours:\nobj-m" in out and "-DDEBUG" in out
    assert not err


# ---- the guest, completion, help -------------------------------------------------------------------------------------


def test_a_script_in_the_guest_must_not_be_empty() -> None:
    for cell in (None, "", " \n"):
        with pytest.raises(UsageError, match="nothing to run"):
            guest.guest(NotebookState(), "", cell)


def test_an_empty_cell_of_ours_comes_to_us_and_others_stay_as_they_are() -> None:
    assert extension.fill_empty_cell(["%%kmod hello"]) == ["%%kmod hello\n", "\n"]
    for lines in ([], ["%%bash"], ["%lsmod"], ["%%kmod hello\n", "int x;"]):
        assert extension.fill_empty_cell(lines) == lines


def test_options_are_completed_without_a_lab() -> None:
    assert "--unload" in completion.long_options(kmod.KMOD_OPTIONS)
    assert "--show-depends" in completion.candidates(NotebookState(), "modprobe", [], "--")


def test_nothing_is_completed_from_a_guest_that_is_not_there() -> None:
    state = NotebookState()
    assert completion.candidates(state, "rmmod", [], "") == []
    assert completion.candidates(state, "insmod", [], "/lib") == []
    assert completion.candidates(state, "insmod", ["hello.ko"], "") == []
    assert not state.is_alive


@pytest.mark.parametrize(
    "help_text", [kmod.KMOD_HELP, guest.GUEST_HELP, source_files.KFILE_HELP, source_files.MAKEFILE_HELP]
)
def test_help_has_an_example_and_every_option(help_text: str) -> None:
    assert "    %%" in help_text and "options:" in help_text


@pytest.mark.parametrize("tool", guest.TOOL_HELP)
def test_each_tool_has_help_with_an_example(tool: str) -> None:
    assert f"    %{tool}" in guest.TOOL_HELP[tool]
