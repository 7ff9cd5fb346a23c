"""What is expected of a learner's work, and whether it is so: passed, failed or errored."""
