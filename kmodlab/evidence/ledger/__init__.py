"""What a module leaves behind: a before/after account of the guest, and whose line acquired what is left."""
