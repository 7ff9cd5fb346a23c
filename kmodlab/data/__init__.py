"""Sample files that commands and notebooks use."""
