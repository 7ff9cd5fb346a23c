"""Reads learners' cells, and makes the sources of a build from them."""
