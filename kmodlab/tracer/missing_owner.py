"""Finds character devices whose file_operations lack an owner, so that nothing keeps the module loaded while in use.

When a program opens the device, the kernel takes a reference to the owner: fs/char_dev.c, chrdev_open();
drivers/char/misc.c, misc_open().
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from kmodlab.i18n import _
from kmodlab.kbuild.locate import code_of, find_code

_OPERATIONS = re.compile(r"\bstruct\s+file_operations\s+(\w+)\s*=\s*\{([^{}]{0,4000})\}")
_MOST = 5  # sentences about one file
# Other ways for a module to keep itself loaded: the owner of a struct cdev, references that it takes itself.
_OTHER_WAYS = r"(?:->|\.)\s*owner\s*=\s*THIS_MODULE\s*;|\b(?:__module_get|try_module_get)\s*\("
# How a character device gets its operations. Operations of debugfs, sockets and so on are not examined.
_OF_DEVICE = (
    r"\b(?:__)?register_chrdev\s*\([^;]{{0,400}}&\s*{name}\b|\bcdev_init\s*\([^;]{{0,400}}&\s*{name}\b"
    r"|\bfops\s*=\s*&\s*{name}\b"
)


def describe_missing_owners(sources: Mapping[str, bytes]) -> Iterator[str]:
    """A sentence about each struct file_operations without an owner, with its line.

    None of them if the module has another way to keep itself loaded.
    """
    if find_code(_OTHER_WAYS, sources):
        return
    for file, source in sources.items():
        code = code_of(source) if file.endswith((".c", ".h")) else ""
        for match in islice(_OPERATIONS.finditer(code), _MOST):
            name = match[1]
            if re.search(r"\bowner\b", match[2]) or not find_code(_OF_DEVICE.format(name=name), sources):
                continue
            message = _(
                "`{name}` in line {line} of {file} has no `.owner`: rmmod removes the module even while a program has "
                "the device open, and the kernel crashes when the program closes it. `.owner = THIS_MODULE` keeps the "
                "module loaded meanwhile."
            )
            yield message.format(name=name, line=code.count("\n", 0, match.start()) + 1, file=file)
