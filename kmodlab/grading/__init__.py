"""Grades submissions, which are not trusted: runs checks in the sandbox, and writes grades in many formats."""
