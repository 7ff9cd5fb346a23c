"""What a learner wrote: from notebook cells to the sources of a build."""
