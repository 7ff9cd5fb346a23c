"""What a learner wrote, as data: from cells to the sources of a build."""
