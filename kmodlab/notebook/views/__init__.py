"""Views of what is inside modules and databases, and the prediction quiz: as text, as a page without scripts, live."""
