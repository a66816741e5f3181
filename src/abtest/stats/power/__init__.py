"""Power, sample size and the smallest effect that a design can find (MDE), by closed forms."""
