"""Grades in the forms that others read: one module for each form, all of them listed in `results`."""
