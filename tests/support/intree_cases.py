"""A driver for the kernel's tree, correct and with mistakes, and builds that try to leave something behind."""

from __future__ import annotations

KCONFIG, MAKEFILE, SOURCE = "drivers/misc/Kconfig", "drivers/misc/Makefile", "drivers/misc/hello.c"

HELLO = """\
// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static char *who = "world";
module_param(who, charp, 0444);

static int __init hello_init(void)
{
	pr_info("hello, %s\\n", who);
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("bye\\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Says hello");
"""
ENTRY = 'config HELLO\n\ttristate "Say hello"\n\thelp\n\t  It says hello.\n'
LINE = "obj-$(CONFIG_HELLO) += hello.o\n"
TEXTS = {SOURCE: HELLO, KCONFIG: ENTRY, MAKEFILE: LINE}


def changed(path: str, old: str, new: str) -> dict[str, str]:
    """The driver with a text replaced in one of its files."""
    assert old in TEXTS[path]
    return {**TEXTS, path: TEXTS[path].replace(old, new)}


# Mistakes: the texts, and file, line and words of the first message.
MISTAKES = {
    "compiler": (changed(SOURCE, "who);\n\treturn", "who)\n\treturn"), SOURCE, 10, "expected"),
    "linker": (changed(SOURCE, "return 0;", "extern int nowhere(void);\n\treturn nowhere();"), SOURCE, 11, "undefined"),
    "kconfig": (changed(KCONFIG, "tristate", "trisate"), KCONFIG, 2, 'unknown statement "trisate"'),
    "makefile": (changed(MAKEFILE, "obj-", "ifeq (\nobj-"), MAKEFILE, 1, "invalid syntax"),
    "no source": (changed(MAKEFILE, "hello.o", "helo.o"), MAKEFILE, 1, "No rule to make target"),
}

_SHELL = {
    "deletes the source": "rm -rf /usr/src/linux-6.1/init /usr/src/source/init",
    "writes to the source": "echo x >>/usr/src/linux-6.1/init/main.c; echo x >>/usr/src/source/init/main.c",
    "writes to a kept object": "echo x >/usr/src/objects/init/main.o; echo x >/usr/src/objects/vmlinux",
    "plants an object": "cp $(objtree)/lib/crc32.o $(objtree)/init/main.o",
    "plants a command": "echo 'savedcmd_init/main.o := true' >$(objtree)/init/.main.o.cmd",
    "plants a script": "echo 'exit 0' >$(objtree)/scripts/mod/modpost; echo >/usr/src/objects/scripts/mod/modpost",
    "plants a header": "echo '#error planted' >$(objtree)/include/generated/autoconf.h",
    "plants a configuration": "echo CONFIG_PANIC_ON_OOPS=y >>$(objtree)/.config",
    "remounts the source": "mount -o remount,rw /usr/src/source; umount /usr/src/linux-6.1",
    "mounts over the source": "mount --bind /tmp /usr/src/source",
    "replaces a folder by a link": "rm -rf $(objtree)/arch; ln -s /usr/src/objects/arch $(objtree)/arch",
    "leaves a process": "setsid sh -c 'sleep 1; echo x >/usr/src/objects/x' >/dev/null 2>&1 &",
    "reads a secret": "cat /root/.ssh/id_rsa /etc/shadow /proc/1/environ >$(objtree)/arch/x86/boot/bzImage",
    "leaves a link as the kernel": "rm -f $(objtree)/vmlinux; ln -s /etc/passwd $(objtree)/vmlinux",
    "kills make": "kill -9 $$PPID",
}


def _makefile(command: str) -> dict[str, str]:
    return {**TEXTS, MAKEFILE: f"{LINE}ignored := $(shell {command})\n"}


HOSTILE = {
    **{name: _makefile(command) for name, command in _SHELL.items()},
    "a rule for another object": {**TEXTS, MAKEFILE: f"{LINE}init/main.o: FORCE\n\techo x >$@\n"},
    "kconfig runs a program": {
        **TEXTS,
        KCONFIG: ENTRY + '\nconfig EVIL\n\tstring\n\tdefault "$(shell,echo x >/usr/src/objects/x; echo x)"\n',
    },
    "a file of the kernel's scripts": {**TEXTS, "scripts/checksyscalls.sh": "#!/bin/sh\necho x >/usr/src/objects/x\n"},
    "another main": {**TEXTS, "init/main.c": "int planted;\n"},
    "its own assembler": changed(SOURCE, "static char", 'asm(".incbin \\"/etc/shadow\\"");\nstatic char'),
}
