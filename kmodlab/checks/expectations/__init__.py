"""The check words, by subject: builds, answers, loading, the log, commands, devices, the tracer."""
