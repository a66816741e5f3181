"""The Bayesian reading of a result."""
