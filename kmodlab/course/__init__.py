"""The course: exercises and their release to learners, progress, slides."""
