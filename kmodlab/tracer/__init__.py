"""What the kernel did: log records, and crashes back to source lines."""
