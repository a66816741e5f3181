"""Whole clusters that were split: households, stores, villages."""
