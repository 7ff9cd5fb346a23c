"""The words of checks, by what they are about: builds, answers, loading, the log, commands, devices, the tracer."""
