"""Two proportions: the score and everything that is held against it."""
