"""Faces in a shell: the same verbs, one file each."""
