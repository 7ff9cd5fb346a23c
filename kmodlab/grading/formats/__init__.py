"""The formats in which grades are written: one module for each, all listed in `results`."""
