"""Adjustment for what was known before: regression and strata."""
