"""Replays on the team's own past: what an experiment would have said where the truth is known."""
