"""Invented customers with a known truth, to rehearse a whole campaign before it runs."""
