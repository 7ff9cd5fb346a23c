"""What the sections of a module are for, and what its relocations patch: tables of words, nothing else.

Names and purposes are those of the kernel's linker scripts and headers (scripts/module.lds.S,
asm-generic/vmlinux.lds.h, linux/init.h, linux/moduleparam.h), of the System V gABI, and of the x86-64 psABI.
"""

from __future__ import annotations

import re

# Exact names first; then the patterns below, in their order.
_SECTIONS = {
    # code
    ".text": "code that stays as long as the module is loaded",
    ".init.text": "code for loading only (`__init`): its memory is given back when init has returned",
    ".exit.text": "code for unloading only (`__exit`): a driver that is built in does not need it",
    ".text.unlikely": "code that seldom runs, put aside to keep the rest close together",
    ".ref.text": "code that may refer to init code although it stays (`__ref`)",
    ".sched.text": "code that a sleeping process is not said to be in (`__sched`)",
    ".noinstr.text": "code that must not be traced",
    ".static_call.text": "small jumps that the kernel rewrites while it runs",
    # data
    ".data": "variables with a starting value",
    ".bss": "variables that start as zero: memory, but no bytes in the file",
    ".rodata": "constants",
    ".init.data": "variables for loading only (`__initdata`)",
    ".init.rodata": "constants for loading only",
    ".exit.data": "data for unloading only",
    ".ref.data": "data that may refer to init code although it stays (`__refdata`)",
    ".data.once": "flags for messages that appear only once",
    ".data..percpu": "variables of which every processor has its own copy",
    ".data..read_mostly": "variables that are seldom written, kept away from those that are",
    ".data..ro_after_init": "variables that nobody can write after init (`__ro_after_init`)",
    ".data..cacheline_aligned": "variables with a cache line of their own",
    # what makes it a module
    ".modinfo": "what the module says about itself: licence, author, parameters, vermagic (`modinfo` shows it)",
    ".gnu.linkonce.this_module": "its `struct module`, filled in: becomes its entry in the kernel's list of modules",
    "__versions": "checksums of the kernel's symbols as it knows them; another kernel's differ",
    "__version_ext_crcs": "checksums of the kernel's symbols as it knows them; another kernel's differ",
    "__version_ext_names": "the names that belong to `__version_ext_crcs`",
    "__param": "its parameters: name, type, permissions, where the value goes",
    "__ksymtab": "the symbols that it exports to every module (`EXPORT_SYMBOL`)",
    "__ksymtab_gpl": "the symbols that it exports to modules under the GPL (`EXPORT_SYMBOL_GPL`)",
    "__ksymtab_strings": "the names of the exported symbols, and of their namespaces",
    "__kcrctab": "a checksum for each symbol in `__ksymtab`",
    "__kcrctab_gpl": "a checksum for each symbol in `__ksymtab_gpl`",
    ".export_symbol": "notes for modpost: which symbols are to be exported",
    # what makes it a built-in driver
    ".exitcall.exit": "the pointer to the exit function; the kernel's linker throws it away, so nobody calls that",
    # lists of places for the kernel
    "__mcount_loc": "where the functions begin that can be traced (ftrace)",
    "__ex_table": "instructions that may fault, and where to go on when they do",
    "__bug_table": "where the WARN() and BUG() are, with file and line",
    "__jump_table": "branches that the kernel switches by rewriting them (static keys)",
    ".static_call_sites": "calls that the kernel redirects by rewriting them",
    "__dyndbg": "the pr_debug() messages, which can be switched on one by one",
    "__dyndbg_classes": "groups of pr_debug() messages",
    ".altinstructions": "where better instructions go in, if this processor has them",
    ".altinstr_replacement": "the better instructions",
    ".altinstr_aux": "code for choosing between instructions",
    ".parainstructions": "places to rewrite when the kernel runs on a hypervisor",
    ".smp_locks": "lock prefixes, removed on a machine with one processor",
    ".return_sites": "returns to rewrite where the processor needs a defence (Retbleed)",
    ".retpoline_sites": "indirect jumps to rewrite where the processor needs a defence (Spectre)",
    ".call_sites": "calls to rewrite where the processor needs a defence",
    ".ibt_endbr_seal": "functions that nobody calls indirectly, to be sealed",
    ".orc_unwind": "how to walk back the stack, for an oops's call trace",
    ".orc_unwind_ip": "the addresses that belong to `.orc_unwind`",
    ".orc_header": "a checksum of the format of `.orc_unwind`",
    "___srcu_struct_ptrs": "its sleepable RCU structures, to be set up at loading",
    "__tracepoints": "its trace events' switches",
    "__tracepoints_ptrs": "pointers to its trace events' switches",
    "__tracepoints_strings": "the names of its trace events",
    "__tracepoint_str": "strings that traces show",
    "_ftrace_events": "its trace events",
    "_ftrace_eval_map": "numbers that traces show as names",
    "__bpf_raw_tp_map": "its trace events, for BPF programs",
    ".codetag.alloc_tags": "where it allocates memory, for accounting",
    # for tools
    ".symtab": "the table of symbols",
    ".strtab": "the names of the symbols",
    ".shstrtab": "the names of the sections",
    ".comment": "which compiler made it",
    ".BTF": "the types it uses, in a compact form (for BPF)",
    ".BTF.base": "types that `.BTF` refers to",
    ".BTF_ids": "types that BPF programs may use",
    ".note.gnu.build-id": "a fingerprint of this build",
    ".note.Linux": "the kernel release it was built for, and options of its build",
    ".note.gnu.property": "which protections of the processor it is made for",
    ".note.GNU-stack": "a mark: its stack need not be executable",
    # a program's or a shared library's
    ".dynsym": "the symbols for other programs and libraries",
    ".dynstr": "the names that `.dynsym` and `.dynamic` use",
    ".dynamic": "what the dynamic loader must know: needed libraries, where the tables lie",
    ".gnu.hash": "an index to find symbols quickly",
    ".hash": "an index to find symbols",
    ".gnu.version": "which version each dynamic symbol is of",
    ".gnu.version_r": "which versions it needs of other libraries' symbols",
    ".gnu.version_d": "which versions of symbols it offers",
    ".rela.dyn": "what the dynamic loader must patch at once",
    ".rela.plt": "what the dynamic loader must patch at a function's first call at the latest",
    ".plt": "a small jump for each function of another library",
    ".plt.got": "small jumps through addresses that are known from the start",
    ".plt.sec": "a small jump for each function of another library",
    ".got": "addresses of what lies in other libraries, filled in by the dynamic loader",
    ".got.plt": "addresses of other libraries' functions, filled in at their first call or before",
    ".init": "code that runs when the library is loaded",
    ".fini": "code that runs when the library is unloaded",
    ".init_array": "pointers to functions that run when the library is loaded (constructors)",
    ".fini_array": "pointers to functions that run when the library is unloaded (destructors)",
    ".eh_frame": "how to walk back the stack",
    ".eh_frame_hdr": "an index to `.eh_frame`",
    ".interp": "which dynamic loader to use",
    ".gnu_debuglink": "the name of a file with the debugging information",
}

_PATTERNS = (
    (r"\.rela?(?=\.|_)(?P<of>.+)", "what the loader must patch in `{of}`"),
    (r"\.initcall(?P<level>\w+)\.init", "the pointer to the init function, for the kernel's boot (level {level})"),
    (r"\.con_initcall\.init", "a pointer to a function that sets up a console early"),
    (r"\.init\.setup", "options of the kernel's command line"),
    (r"\.debug_.+", "for debuggers: source lines, types, variables"),
    (r"\.rodata\.str.*", "texts, each kept once"),
    (r"\.rodata\.cst.*", "constants, each kept once"),
    (r"\.rodata\..+", "constants"),
    (r"\.discard\..+", "left out by the linker: only checked during the build"),
    (r"\.note\..+", "a note for tools"),
    (r"___ksymtab(?:_gpl)?\+.+", "one exported symbol, before the linker sorts it in"),
    (r"___kcrctab(?:_gpl)?\+.+", "the checksum of one exported symbol"),
    (r"\.text\..+", "code that stays as long as the module is loaded"),
    (r"\.init\..+", "for loading only: given back when init has returned"),
    (r"\.exit\..+", "for unloading only"),
    (r"\.data\..+", "variables with a starting value"),
    (r"\.bss\..+", "variables that start as zero"),
)
_COMPILED = [(re.compile(pattern), text) for pattern, text in _PATTERNS]


def section_purpose(name: str) -> str:
    """What a section of that name is for, in a few words with `code` in backquotes; empty where it is not known."""
    if name in _SECTIONS:
        return _SECTIONS[name]
    for pattern, text in _COMPILED:
        if found := pattern.fullmatch(name):
            return text.format(**found.groupdict())
    return ""


# The x86-64 psABI, table "Relocation Types". A word on what is patched, and how many bytes of it.
_RELOCATIONS = {
    "R_X86_64_64": "an address",
    "R_X86_64_32": "an address in the lowest 4 GiB",
    "R_X86_64_32S": "an address, shortened: the kernel lies in the topmost 2 GiB",
    "R_X86_64_PC32": "a distance from here to there",
    "R_X86_64_PC64": "a distance from here to there",
    "R_X86_64_PLT32": "a call or jump: the distance from here to there",
    "R_X86_64_GOTPCREL": "a distance to an entry of .got",
    "R_X86_64_GOTPCRELX": "a distance to an entry of .got",
    "R_X86_64_REX_GOTPCRELX": "a distance to an entry of .got",
    "R_X86_64_GLOB_DAT": "an entry of .got: the symbol's address, at load time",
    "R_X86_64_JUMP_SLOT": "an entry of .got.plt: a function's address, at its first call or before",
    "R_X86_64_RELATIVE": "an address in the library itself, which may lie anywhere",
    "R_X86_64_DTPMOD64": "the number of a library with variables per thread",
    "R_X86_64_TPOFF64": "the place of a variable per thread",
    "R_X86_64_COPY": "the starting value of a variable in another library",
    "R_X86_64_IRELATIVE": "a function's address that a function chooses",
    "R_AARCH64_ABS64": "an address",
    "R_AARCH64_CALL26": "a call: the distance from here to there",
    "R_AARCH64_JUMP26": "a jump: the distance from here to there",
    "R_AARCH64_ADR_PREL_PG_HI21": "the page of an address, as a distance",
    "R_AARCH64_ADD_ABS_LO12_NC": "the place of an address in its page",
    "R_AARCH64_PREL32": "a distance from here to there",
}


def relocation_purpose(kind: str) -> str:
    """What a relocation of that kind patches, in a few words; empty where it is not known."""
    return _RELOCATIONS.get(kind, "")


# linux/init.h: the order in which the kernel's boot calls the init functions of what is built in.
INIT_LEVELS = {
    "early": "before the other processors are started",
    "0": "pure: needs nothing but memory",
    "1": "core",
    "2": "postcore",
    "3": "arch",
    "4": "subsys: subsystems",
    "5": "fs: file systems",
    "rootfs": "unpacks the initramfs",
    "6": "device: what module_init() means for a driver that is built in",
    "7": "late",
}
