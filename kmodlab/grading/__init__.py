"""From submissions to grades: read as hostile, checked in the sandbox, kept in a journal, written in many forms."""
