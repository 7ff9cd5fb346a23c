"""The words of checks, by what they look at: texts and builds, a guest, devices, the tracer."""
