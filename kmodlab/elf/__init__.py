"""Inside a .ko, and the modules.* databases: plain data that the kernel's tools read too. Reads, never writes."""
