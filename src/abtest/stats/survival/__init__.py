"""Times to an event: curves, their differences, and hazards."""
