"""Checks: expectations of a learner's work, and how their verdict is found: passed, failed, errored or skipped."""
