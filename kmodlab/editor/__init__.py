"""Help for an editor while a module's C is written: completion, hover, signatures, diagnostics."""
