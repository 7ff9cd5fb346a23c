"""What others may use: the names that the package exports, and a command that answers at once."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

import kmodlab
from kmodlab.cli.main import VERBS, cli
from kmodlab.errors import SetupError

ROOT = Path(__file__).parents[1]
MASTER = "exercises/01-hello/master.ipynb"


def test_the_package_exports_these_names_and_no_others() -> None:
    assert set(kmodlab.__all__) == {
        *("Build", "KmodlabError", "ModuleRun", "Report", "Session", "Sources", "__version__"),
        *("build", "decode", "get_settings", "load_lab", "run"),
    }
    assert all(getattr(kmodlab, name) is not None for name in kmodlab.__all__)
    assert kmodlab.decode("") == ()
    with pytest.raises(AttributeError):
        _ = kmodlab.no_such_name


def test_the_package_is_typed() -> None:
    assert (files("kmodlab") / "py.typed").is_file()


def test_help_imports_no_verb() -> None:
    script = (
        "import sys, kmodlab.cli.main as m; m.cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert all(verb in done.stdout for verb in VERBS)
    assert not any(name in done.stdout for name in ("'kmodlab.cli.run'", "'rich'", "'nbformat'", "'asyncio'"))


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0 and "Usage:" in result.output


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (["grade", MASTER, "--exercises", "exercises", "--out", "never"], "jinja2", "grading"),
        (["release", MASTER], "nbformat", "grading"),
        (["slides", "."], "nbconvert", "slides"),
    ],
)
def test_a_verb_whose_package_is_missing_says_which_extra_has_it(words: list[str], package: str, extra: str) -> None:
    script = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = {words!r}; import kmodlab.__main__"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == SetupError.exit_status, done.stderr
    assert f"needs the Python package {package}." in done.stderr and f"kmodlab[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr
