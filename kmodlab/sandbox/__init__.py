"""Where untrusted work runs: bubblewrap, limits, a filter of system calls, and a fallback without bubblewrap."""
