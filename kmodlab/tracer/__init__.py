"""Runs a module in a guest and finds out what it does: its steps, calls, leaks, and what it does after faults."""
