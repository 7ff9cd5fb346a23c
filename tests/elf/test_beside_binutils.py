"""What `elf` reads, beside what the real tools print: readelf, nm, modinfo, modprobe, depmod's own files.

A few modules of each kind from Debian's tree; all 4023 of them agree, but comparing them takes minutes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from kmodlab.elf.contents import read_contents
from kmodlab.elf.database_text import normalize_alias
from kmodlab.elf.databases import Databases, load_databases
from kmodlab.elf.exports import Exported, parse_symvers
from kmodlab.elf.modprobe import plan_load
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.elf.purposes import section_purpose
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run

SAMPLES = 16
SEARCHED = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def tool(name: str, *arguments: str | Path) -> str:
    program = shutil.which(name, path=SEARCHED)
    assert program is not None, f"{name} is not installed"
    finished = run([program, *arguments], timeout_s=60)
    assert finished.status == 0, finished.text
    return finished.stdout.decode("utf-8", "replace")


def sample_paths(tree: KernelTree) -> list[Path]:
    """Modules from all over the tree, the ones that matter to the course among them."""
    every = sorted(path for path in tree.modules.rglob("*.ko*") if path.is_file())
    named = [path for path in every if path.name.split(".")[0] in ("jbd2", "loop", "usbcore", "e1000e")]
    return sorted({*named, *every[:: len(every) // (SAMPLES - len(named))]})


@pytest.fixture(scope="module")
def samples(tree: KernelTree, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Their files, unpacked, since binutils read no compressed ones; each below its path in the tree."""
    folder = tmp_path_factory.mktemp("samples")
    copies = []
    for path in sample_paths(tree):
        copy = folder / path.relative_to(tree.modules).with_name(path.name.split(".")[0] + ".ko")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(read_contents(path))
        copies.append(copy)
    return copies


@pytest.fixture(scope="module")
def objects(samples: list[Path]) -> dict[Path, ObjectFile]:
    return {path: read_object(path) for path in samples}


@pytest.fixture(scope="module")
def modules(samples: list[Path]) -> dict[Path, KernelModule]:
    return {path: read_module(path) for path in samples}


# ---- binutils ------------------------------------------------------------------------------------------------------

SECTION = re.compile(r"\s+\[\s*\d+\] (\S+)\s+(\w+)\s+[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+ (.{3})\s")
SYMBOL = re.compile(r"\s*\d+: ([0-9a-f]{16})\s+(\S+)\s+(\w+)\s+(\w+)\s+\w+\s+(\S+)(?: (.*))?")
RELOCATION = re.compile(r"([0-9a-f]{16})\s+[0-9a-f]{16} (\w+)\s+(?:[0-9a-f]{16} (.*) ([+-]) ([0-9a-f]+)|([0-9a-f]+))")


def test_sections_are_those_of_readelf(objects: dict[Path, ObjectFile]) -> None:
    for path, elf in objects.items():
        matches = [SECTION.match(line) for line in tool("readelf", "-SW", path).splitlines()]
        theirs = [(m[1], m[2], int(m[3], 16), int(m[4], 16), m[5].strip()) for m in matches if m]
        ours = [
            (section.name, section.kind, section.offset, section.size, section.letters) for section in elf.sections[1:]
        ]
        assert ours == theirs, path


def test_symbols_are_those_of_readelf(objects: dict[Path, ObjectFile]) -> None:
    for path, elf in objects.items():
        matches = [SYMBOL.fullmatch(line) for line in tool("readelf", "-sW", path).splitlines()]
        theirs = [
            (int(m[1], 16), int(m[2], 0), m[3].lower(), m[4].lower(), m[5], (m[6] or "").strip()) for m in matches if m
        ]
        ours = [
            (symbol.value, symbol.size, symbol.kind, symbol.binding, _section(symbol), symbol.name)
            for symbol in elf.symbols
        ]
        assert ours == theirs[1:], path


def _section(symbol: object) -> str:
    section = getattr(symbol, "section", None)
    if section is not None:
        return str(section.index)
    return "ABS" if getattr(symbol, "defined", False) else "UND"


def test_relocations_are_those_of_readelf(objects: dict[Path, ObjectFile]) -> None:
    for path, elf in objects.items():
        if path.stat().st_size > 1 << 19:
            continue
        lines = [RELOCATION.fullmatch(line) for line in tool("readelf", "-rW", path).splitlines()]
        theirs = [(int(m[1], 16), m[2], m[3] or "", _addend(m)) for m in lines if m]
        ours = [
            (relocation.offset, relocation.kind, relocation.symbol.name, relocation.addend)
            for relocation in elf.relocations
        ]
        assert ours == theirs, path


def _addend(match: re.Match[str]) -> int:
    return int(f"{match[4]}{match[5]}", 16) if match[5] else int(match[6], 16)


def test_imports_are_those_of_nm(modules: dict[Path, KernelModule]) -> None:
    for path, module in modules.items():
        undefined = {line.split()[-1] for line in tool("nm", "-u", path).splitlines()}
        assert {symbol.name for symbol in module.imports} == undefined, path


def test_every_section_of_debians_modules_has_a_purpose(objects: dict[Path, ObjectFile]) -> None:
    assert not {
        section.name for elf in objects.values() for section in elf.sections[1:] if not section_purpose(section.name)
    }


# ---- kmod ----------------------------------------------------------------------------------------------------------


def test_modinfo_is_that_of_modinfo(modules: dict[Path, KernelModule]) -> None:
    for path, module in modules.items():
        for key in ("license", "description", "author", "alias", "depends", "vermagic", "firmware", "softdep"):
            assert "".join(f"{value}\n" for value in module.modinfo.all(key)) == tool("modinfo", "-F", key, path), path
        names = re.findall(r"^([^\s:]+):", tool("modinfo", "-F", "parm", path), re.MULTILINE)
        assert {parameter.name for parameter in module.modinfo.parameters} == set(names), path


def test_signers_are_those_of_modinfo(modules: dict[Path, KernelModule]) -> None:
    for path, module in modules.items():
        assert module.signature is not None, path
        ours = [module.signature.signer, module.signature.key, module.signature.digest]
        theirs = [tool("modinfo", "-F", key, path).strip() for key in ("signer", "sig_key", "sig_hashalgo")]
        assert ours == theirs, path


def test_versions_are_those_of_modprobe(modules: dict[Path, KernelModule]) -> None:
    for path, module in modules.items():
        lines = (line.split("\t") for line in tool("modprobe", "--dump-modversions", path).splitlines())
        assert sorted((version.symbol, version.crc) for version in module.versions) == sorted(
            (name, int(crc, 16)) for crc, name in lines
        ), path


# ---- kbuild's own list ---------------------------------------------------------------------------------------------


def test_exports_are_those_of_the_kernels_module_symvers(
    tree: KernelTree, samples: list[Path], modules: dict[Path, KernelModule]
) -> None:
    symvers = parse_symvers(tree.symvers)
    by_module: defaultdict[str, set[Exported]] = defaultdict(set)
    for entry in symvers.values():
        by_module[entry.module].add(entry)
    for path, module in modules.items():
        name = str(path.with_suffix("")).rpartition("/kernel/")[2]
        theirs = {(entry.name, entry.crc, entry.gpl_only, entry.namespace) for entry in by_module[name]}
        assert {(export.name, export.crc, export.gpl_only, export.namespace) for export in module.exports} == theirs, (
            path
        )
        versions = {version.symbol: version.crc for version in module.versions}
        assert versions == {name: symvers[name].crc for name in versions}, path


# ---- databases -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def databases(tree: KernelTree) -> Databases:
    return load_databases(tree.modules)


def modprobe(tree: KernelTree, *arguments: str) -> list[str]:
    root = str(tree.modules).removesuffix(f"/lib/modules/{tree.release}")
    return tool("modprobe", "-C", "/dev/null", "-d", root, "-S", tree.release, *arguments).splitlines()


def test_binary_and_text_say_the_same(databases: Databases) -> None:
    indexes = {name: databases.index(name) for name in databases.files if name.endswith(".bin")}
    ours = {name: {key: value.text for key, value in index} for name, index in indexes.items() if index}
    assert set(ours["modules.dep.bin"]) == set(databases.paths)
    assert set(ours["modules.symbols.bin"]) == {alias.pattern for alias in databases.symbols}
    assert set(ours["modules.alias.bin"]) == {normalize_alias(alias.pattern) for alias in databases.aliases}
    assert set(ours["modules.builtin.bin"]) == set(databases.builtin)


def test_the_indexes_are_in_the_order_in_which_modprobe_dumps_them(tree: KernelTree, databases: Databases) -> None:
    dumped = [line for line in modprobe(tree, "--showconfig") if line.startswith("alias ")]
    files = [databases.index("modules.alias.bin"), databases.index("modules.symbols.bin")]
    assert dumped == [f"alias {key} {value.text}" for index in files if index for key, value in index]


def test_plans_are_those_of_modprobe(tree: KernelTree, databases: Databases) -> None:
    names = sorted(databases.paths)
    for name in {*names[:: len(names) // 20], "btrfs", "ext4", "snd_hda_intel", "cifs", "usbhid"}:
        lines = [line.split()[:2] for line in modprobe(tree, "--show-depends", name)]
        theirs = [word.removeprefix(f"{tree.modules}/") if verb == "insmod" else None for verb, word in lines]
        assert [load.path for load in plan_load(databases, name)] == list(dict.fromkeys(theirs)), name


@pytest.mark.parametrize(
    "alias",
    [
        "pci:v00008086d000015B8sv00001028sd000007A1bc02sc00i00",
        "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
        "usb:v046DpC52Bd1201dc00dsc00dp00ic03isc01ip01in00",
        "net-pf-10",
        "fs-ext4",
        "char-major-10-237",
        "snd-hda-intel",
        "symbol:usb_register_driver",
        "crc32c",
    ],
)
def test_aliases_are_found_as_modprobe_finds_them(tree: KernelTree, databases: Databases, alias: str) -> None:
    assert list(databases.lookup(alias).modules) == list(dict.fromkeys(modprobe(tree, "--resolve-alias", alias)))
