"""Exercises: what learners write, what is checked of it, and how a master notebook becomes theirs."""
