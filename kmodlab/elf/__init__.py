"""Reads ELF files, modules and depmod's databases: plain data, and never written."""
