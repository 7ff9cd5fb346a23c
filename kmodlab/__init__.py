"""Your first Linux kernel module, in a notebook cell, on a real kernel."""

__version__ = "0.1.0"


def load_ipython_extension(ipython: object) -> None:
    """What `%load_ext kmodlab` calls; imported late, so that nothing but a notebook needs IPython."""
    from kmodlab.notebook.extension import load

    load(ipython)


def unload_ipython_extension(ipython: object) -> None:
    """What `%unload_ext kmodlab` calls: the guest ends, and the magics go."""
    from kmodlab.notebook.extension import unload

    unload(ipython)
