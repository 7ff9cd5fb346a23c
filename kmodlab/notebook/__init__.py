"""Faces in Jupyter: magics, rendering, completion."""
