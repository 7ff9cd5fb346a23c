"""What changed in the kernel's API from Linux 2.6 to 6.18, and what to write instead.

There is a table for each subject; `find` looks a diagnostic up in them.
"""
