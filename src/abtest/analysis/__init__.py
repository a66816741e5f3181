"""Spec and data in, results out."""
