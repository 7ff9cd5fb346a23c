"""The course's notebooks as decks for a projector: one HTML file each, which needs nothing else."""
