"""The source of our own kernel module, which traces the module under test and injects faults."""
