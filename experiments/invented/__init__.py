"""Invented customers, with true effects that are known exactly."""
