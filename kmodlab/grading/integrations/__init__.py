"""Other people's graders: nbgrader, Gradescope."""
