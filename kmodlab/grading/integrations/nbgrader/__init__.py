"""A course for nbgrader, whose own commands generate, validate, autograde and report by kmodlab's rules."""
