"""Several comparisons at once."""
