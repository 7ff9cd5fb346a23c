"""Exports notebooks as decks for a projector: each is one HTML file, which needs no other file."""
