"""What the ipykernel of this environment loads when it starts (IPython's configuration, in etc/ipython)."""

from importlib.util import find_spec

c = get_config()  # type: ignore[name-defined]  # noqa: F821
if find_spec("kmodlab"):
    # Not `extensions`: a user's own list in ~/.ipython would replace it.
    c.InteractiveShellApp.extra_extensions.append("kmodlab.notebook.autoload")
