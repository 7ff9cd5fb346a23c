"""Notebooks as decks for a projector: one HTML file each, which needs no other file."""
