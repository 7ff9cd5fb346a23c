"""Makes the ipykernels of an environment load kmodlab by themselves, through a file that IPython reads when it starts.

IPython reads etc/ipython in the environment's folder (IPython/core/application.py, ENV_CONFIG_DIRS). A wheel with this
file would overwrite an existing one, so the file is written when the course is laid out.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

from kmodlab.files import replace_text

CONFIG = "ipython_kernel_config.py"
_EXTENSION = "kmodlab.notebook.autoload"


def configure_autoload(prefix: Path = Path(sys.prefix), *, is_own: bool = sys.prefix != sys.base_prefix) -> bool:
    """Make notebooks of this environment load kmodlab by themselves; returns whether they do.

    The file is only written into a virtual environment (`is_own`), and only if no file of that name exists.
    """
    target = prefix / "etc" / "ipython" / CONFIG
    try:
        if not target.exists() and is_own:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_text(target, files("kmodlab").joinpath("notebook/ipython", CONFIG).read_text("utf-8"))
        return _EXTENSION in target.read_text("utf-8")
    except (OSError, ValueError):
        return False
