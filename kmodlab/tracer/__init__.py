"""What a module does in a guest: a run step by step, its calls, leaks, and injected faults."""
