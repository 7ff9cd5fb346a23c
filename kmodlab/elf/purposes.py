"""The purposes of a module's sections, relocations and init levels, in a few words each.

The names come from the kernel's linker scripts and headers (scripts/module.lds.S, asm-generic/vmlinux.lds.h,
linux/init.h, linux/moduleparam.h), the System V gABI, and the x86-64 psABI.
"""

from __future__ import annotations

import re

from kmodlab.i18n import N_, _

# Sections with exactly these names; the patterns below are for others.
_SECTIONS = {
    # code
    ".text": N_("code that stays as long as the module is loaded"),
    ".init.text": N_("code for loading only (`__init`): its memory is given back when init has returned"),
    ".exit.text": N_("code for unloading only (`__exit`): a driver that is built in does not need it"),
    ".text.unlikely": N_("code that seldom runs, put aside to keep the rest close together"),
    ".ref.text": N_("code that may refer to init code although it stays (`__ref`)"),
    ".sched.text": N_("code that a sleeping process is not said to be in (`__sched`)"),
    ".noinstr.text": N_("code that must not be traced"),
    ".static_call.text": N_("small jumps that the kernel rewrites while it runs"),
    # data
    ".data": N_("variables with a starting value"),
    ".bss": N_("variables that start as zero: memory, but no bytes in the file"),
    ".rodata": N_("constants"),
    ".init.data": N_("variables for loading only (`__initdata`)"),
    ".init.rodata": N_("constants for loading only"),
    ".exit.data": N_("data for unloading only"),
    ".ref.data": N_("data that may refer to init code although it stays (`__refdata`)"),
    ".data.once": N_("flags for messages that appear only once"),
    ".data..percpu": N_("variables of which every processor has its own copy"),
    ".data..read_mostly": N_("variables that are seldom written, kept away from those that are"),
    ".data..ro_after_init": N_("variables that nobody can write after init (`__ro_after_init`)"),
    ".data..cacheline_aligned": N_("variables with a cache line of their own"),
    # what makes it a module
    ".modinfo": N_("what the module says about itself: licence, author, parameters, vermagic (`modinfo` shows it)"),
    ".gnu.linkonce.this_module": N_(
        "its `struct module`, filled in: becomes its entry in the kernel's list of modules"
    ),
    "__versions": N_("checksums of the kernel's symbols as it knows them; another kernel's differ"),
    "__version_ext_crcs": N_("checksums of the kernel's symbols as it knows them; another kernel's differ"),
    "__version_ext_names": N_("the names that belong to `__version_ext_crcs`"),
    "__param": N_("its parameters: name, type, permissions, where the value goes"),
    "__ksymtab": N_("the symbols that it exports to every module (`EXPORT_SYMBOL`)"),
    "__ksymtab_gpl": N_("the symbols that it exports to modules under the GPL (`EXPORT_SYMBOL_GPL`)"),
    "__ksymtab_strings": N_("the names of the exported symbols, and of their namespaces"),
    "__kcrctab": N_("a checksum for each symbol in `__ksymtab`"),
    "__kcrctab_gpl": N_("a checksum for each symbol in `__ksymtab_gpl`"),
    ".export_symbol": N_("notes for modpost: which symbols are to be exported"),
    # what makes it a built-in driver
    ".exitcall.exit": N_("the pointer to the exit function; the kernel's linker throws it away, so nobody calls that"),
    # lists of places for the kernel
    "__mcount_loc": N_("where the functions begin that can be traced (ftrace)"),
    "__patchable_function_entries": N_("where the functions have room for code that the kernel puts in (ftrace)"),
    "__ex_table": N_("instructions that may fault, and where to go on when they do"),
    "__bug_table": N_("where the WARN() and BUG() are, with file and line"),
    "__jump_table": N_("branches that the kernel switches by rewriting them (static keys)"),
    ".static_call_sites": N_("calls that the kernel redirects by rewriting them"),
    "__dyndbg": N_("the pr_debug() messages, which can be switched on one by one"),
    "__dyndbg_classes": N_("groups of pr_debug() messages"),
    ".altinstructions": N_("where better instructions go in, if this processor has them"),
    ".altinstr_replacement": N_("the better instructions"),
    ".altinstr_aux": N_("code for choosing between instructions"),
    ".parainstructions": N_("places to rewrite when the kernel runs on a hypervisor"),
    ".smp_locks": N_("lock prefixes, removed on a machine with one processor"),
    ".return_sites": N_("returns to rewrite where the processor needs a defence (Retbleed)"),
    ".retpoline_sites": N_("indirect jumps to rewrite where the processor needs a defence (Spectre)"),
    ".call_sites": N_("calls to rewrite where the processor needs a defence"),
    ".ibt_endbr_seal": N_("functions that nobody calls indirectly, to be sealed"),
    ".orc_unwind": N_("how to walk back the stack, for an oops's call trace"),
    ".orc_unwind_ip": N_("the addresses that belong to `.orc_unwind`"),
    ".orc_header": N_("a checksum of the format of `.orc_unwind`"),
    "___srcu_struct_ptrs": N_("its sleepable RCU structures, to be set up at loading"),
    "__tracepoints": N_("its trace events' switches"),
    "__tracepoints_ptrs": N_("pointers to its trace events' switches"),
    "__tracepoints_strings": N_("the names of its trace events"),
    "__tracepoint_str": N_("strings that traces show"),
    "_ftrace_events": N_("its trace events"),
    "_ftrace_eval_map": N_("numbers that traces show as names"),
    "__bpf_raw_tp_map": N_("its trace events, for BPF programs"),
    ".codetag.alloc_tags": N_("where it allocates memory, for accounting"),
    # for tools
    ".symtab": N_("the table of symbols"),
    ".strtab": N_("the names of the symbols"),
    ".shstrtab": N_("the names of the sections"),
    ".comment": N_("which compiler made it"),
    ".BTF": N_("the types it uses, in a compact form (for BPF)"),
    ".BTF.base": N_("types that `.BTF` refers to"),
    ".BTF_ids": N_("types that BPF programs may use"),
    ".note.gnu.build-id": N_("a fingerprint of this build"),
    ".note.Linux": N_("the kernel release it was built for, and options of its build"),
    ".note.gnu.property": N_("which protections of the processor it is made for"),
    ".note.GNU-stack": N_("a mark: its stack need not be executable"),
    # a program's or a shared library's
    ".dynsym": N_("the symbols for other programs and libraries"),
    ".dynstr": N_("the names that `.dynsym` and `.dynamic` use"),
    ".dynamic": N_("what the dynamic loader must know: needed libraries, where the tables lie"),
    ".gnu.hash": N_("an index to find symbols quickly"),
    ".hash": N_("an index to find symbols"),
    ".gnu.version": N_("which version each dynamic symbol is of"),
    ".gnu.version_r": N_("which versions it needs of other libraries' symbols"),
    ".gnu.version_d": N_("which versions of symbols it offers"),
    ".rela.dyn": N_("what the dynamic loader must patch at once"),
    ".rela.plt": N_("what the dynamic loader must patch at a function's first call at the latest"),
    ".plt": N_("a small jump for each function of another library"),
    ".plt.got": N_("small jumps through addresses that are known from the start"),
    ".plt.sec": N_("a small jump for each function of another library"),
    ".got": N_("addresses of what lies in other libraries, filled in by the dynamic loader"),
    ".got.plt": N_("addresses of other libraries' functions, filled in at their first call or before"),
    ".init": N_("code that runs when the library is loaded"),
    ".fini": N_("code that runs when the library is unloaded"),
    ".init_array": N_("pointers to functions that run when the library is loaded (constructors)"),
    ".fini_array": N_("pointers to functions that run when the library is unloaded (destructors)"),
    ".eh_frame": N_("how to walk back the stack"),
    ".eh_frame_hdr": N_("an index to `.eh_frame`"),
    ".interp": N_("which dynamic loader to use"),
    ".gnu_debuglink": N_("the name of a file with the debugging information"),
}

_PATTERNS = (
    (r"\.rela?(?=\.|_)(?P<of>.+)", N_("what the loader must patch in `{of}`")),
    (r"\.initcall(?P<level>\w+)\.init", N_("the pointer to the init function, for the kernel's boot (level {level})")),
    (r"\.con_initcall\.init", N_("a pointer to a function that sets up a console early")),
    (r"\.init\.setup", N_("options of the kernel's command line")),
    (r"\.debug_.+", N_("for debuggers: source lines, types, variables")),
    (r"\.rodata\.str.*", N_("texts, each kept once")),
    (r"\.rodata\.cst.*", N_("constants, each kept once")),
    (r"\.rodata\..+", N_("constants")),
    (r"\.discard\..+", N_("left out by the linker: only checked during the build")),
    (r"\.note\..+", N_("a note for tools")),
    (r"___ksymtab(?:_gpl)?\+.+", N_("one exported symbol, before the linker sorts it in")),
    (r"___kcrctab(?:_gpl)?\+.+", N_("the checksum of one exported symbol")),
    (r"\.text\..+", N_("code that stays as long as the module is loaded")),
    (r"\.init\..+", N_("for loading only: given back when init has returned")),
    (r"\.exit\..+", N_("for unloading only")),
    (r"\.data\..+", N_("variables with a starting value")),
    (r"\.bss\..+", N_("variables that start as zero")),
)
_COMPILED = [(re.compile(pattern), text) for pattern, text in _PATTERNS]


def section_purpose(name: str) -> str:
    """What a section of that name is for, in a few words with `code` in backquotes; empty for an unknown name."""
    if name in _SECTIONS:
        return _(_SECTIONS[name])
    for pattern, text in _COMPILED:
        if match := pattern.fullmatch(name):
            return _(text).format(**match.groupdict())
    return ""


# The x86-64 psABI, table "Relocation Types", and ELF for the Arm 64-bit Architecture.
_RELOCATIONS = {
    "R_X86_64_64": N_("an address"),
    "R_X86_64_32": N_("an address in the lowest 4 GiB"),
    "R_X86_64_32S": N_("an address, shortened: the kernel lies in the topmost 2 GiB"),
    "R_X86_64_PC32": N_("a distance from here to there"),
    "R_X86_64_PC64": N_("a distance from here to there"),
    "R_X86_64_PLT32": N_("a call or jump: the distance from here to there"),
    "R_X86_64_GOTPCREL": N_("a distance to an entry of .got"),
    "R_X86_64_GOTPCRELX": N_("a distance to an entry of .got"),
    "R_X86_64_REX_GOTPCRELX": N_("a distance to an entry of .got"),
    "R_X86_64_GLOB_DAT": N_("an entry of .got: the symbol's address, at load time"),
    "R_X86_64_JUMP_SLOT": N_("an entry of .got.plt: a function's address, at its first call or before"),
    "R_X86_64_RELATIVE": N_("an address in the library itself, which may lie anywhere"),
    "R_X86_64_DTPMOD64": N_("the number of a library with variables per thread"),
    "R_X86_64_TPOFF64": N_("the place of a variable per thread"),
    "R_X86_64_COPY": N_("the starting value of a variable in another library"),
    "R_X86_64_IRELATIVE": N_("a function's address that a function chooses"),
    "R_AARCH64_ABS64": N_("an address"),
    "R_AARCH64_CALL26": N_("a call: the distance from here to there"),
    "R_AARCH64_JUMP26": N_("a jump: the distance from here to there"),
    "R_AARCH64_ADR_PREL_PG_HI21": N_("the page of an address, as a distance"),
    "R_AARCH64_ADD_ABS_LO12_NC": N_("the place of an address in its page"),
    "R_AARCH64_PREL32": N_("a distance from here to there"),
}


def relocation_purpose(kind: str) -> str:
    """What a relocation of that kind patches, in a few words; empty for an unknown kind."""
    return _(_RELOCATIONS.get(kind, ""))


# linux/init.h: the order in which the booting kernel calls the init functions of built-in drivers.
_INIT_LEVELS = {
    "early": N_("before the other processors are started"),
    "0": N_("pure: needs nothing but memory"),
    "1": N_("core"),
    "2": N_("postcore"),
    "3": N_("arch"),
    "4": N_("subsys: subsystems"),
    "5": N_("fs: file systems"),
    "rootfs": N_("unpacks the initramfs"),
    "6": N_("device: what module_init() means for a driver that is built in"),
    "7": N_("late"),
}


def init_level_purpose(level: str) -> str:
    """What the init functions of a level (`early`, `0` to `7`, `rootfs`) are for; empty for an unknown level."""
    return _(_INIT_LEVELS.get(level, ""))
