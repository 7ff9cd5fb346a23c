"""The output of notebooks: every part has a text and an HTML form with the same content."""
