"""The course in Jupyter: magics, their output, completion, and what JupyterLab's extension asks."""
