"""What changed in the kernel's API from Linux 2.6 to 6.18, and what a module for another kernel writes instead.

The tables are by subject; `find` looks a diagnostic up in them.
"""
