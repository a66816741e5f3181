"""Specs that `abtest init` starts from."""
