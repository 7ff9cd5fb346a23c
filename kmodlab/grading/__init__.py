"""Submissions to grades: read as hostile data, checked on the host, never lost, written in others' formats."""
