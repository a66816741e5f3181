"""Means and ratios of sums: t statistics and Fieller's intervals."""
