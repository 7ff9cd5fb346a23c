"""Kernel crash logs decoded: from the text on a console to `Oops` values.

`parser.parse_oopses` is the way in. The modules follow the way of a line: `log_lines` (what the kernel said, without
its prefixes), `rules` (which sentence is which crash), `culprit` (whose fault it looks like), `frames`, `registers`
and `taint` (the details), `types` (the result). What a frame means in C source is left to `evidence.source_lines`.
"""
