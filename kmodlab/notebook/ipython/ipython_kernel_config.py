"""IPython's configuration for the ipykernels of this environment (in etc/ipython): loads `autoload` at the start."""

from importlib.util import find_spec

c = get_config()  # type: ignore[name-defined]  # noqa: F821
if find_spec("kmodlab"):
    # Not `extensions`: a user's own list in ~/.ipython would replace it.
    c.InteractiveShellApp.extra_extensions.append("kmodlab.notebook.autoload")
