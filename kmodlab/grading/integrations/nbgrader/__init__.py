"""A course for nbgrader, in which nbgrader's own commands follow kmodlab's rules."""
