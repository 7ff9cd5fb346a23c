"""C to .ko: checks sources, runs the kernel's kbuild in the sandbox, and returns diagnostics as data, with hints."""
