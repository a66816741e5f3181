"""A plan that was frozen, and what became of it."""
