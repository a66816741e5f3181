"""The decision in money."""
