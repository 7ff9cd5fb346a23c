"""Integrations with other graders: nbgrader, Gradescope."""
