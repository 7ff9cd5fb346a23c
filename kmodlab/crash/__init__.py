"""What the kernel's log says of crashes: records, reports, and the lines of C that they are about."""
