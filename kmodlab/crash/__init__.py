"""Crashes in the kernel's log: log records, crash reports, and the lines of C that the reports are about."""
