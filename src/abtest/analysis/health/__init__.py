"""Health checks with a file of their own each: what makes a result look better than it is."""
