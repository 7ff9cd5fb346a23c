"""Checks: what is expected of a learner's work, and the verdict: passed, failed or errored."""
