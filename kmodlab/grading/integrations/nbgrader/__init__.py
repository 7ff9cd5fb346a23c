"""A course for nbgrader: its own commands generate, validate, autograde and report, by kmodlab's rules."""
