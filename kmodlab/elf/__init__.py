"""Reads ELF files, modules and depmod's databases into plain data, and writes none of them."""
