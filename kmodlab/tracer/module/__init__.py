"""A kernel module of ours that watches the module under test from inside the guest, and its two ends on the host."""
