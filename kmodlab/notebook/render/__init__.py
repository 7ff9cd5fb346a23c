"""What a notebook shows: every part has a text and an HTML form that say the same."""
