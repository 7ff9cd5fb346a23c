"""Grading with other graders: nbgrader, Gradescope."""
