"""Views of the contents of modules and databases, and the prediction quiz: as text, as static HTML, and as widgets."""
