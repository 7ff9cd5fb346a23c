"""What an editor can say of a module's C while it is written: completion, hover, signatures."""
