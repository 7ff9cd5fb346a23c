"""Where untrusted work runs: bubblewrap, limits, a filter of system calls, or what is left without them."""
