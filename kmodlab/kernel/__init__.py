"""Get a Linux: fetch and unpack its image, headers and modules."""
