"""Quantiles, bootstrap and permutation, from value counts."""
