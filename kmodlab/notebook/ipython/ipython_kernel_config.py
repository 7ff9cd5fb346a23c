"""What the ipykernel of this environment loads when it starts (IPython's configuration, in etc/ipython)."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.InteractiveShellApp.extensions.append("kmodlab.notebook.autoload")
