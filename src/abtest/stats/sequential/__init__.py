"""Inference that stays right however often it is looked at: spending and confidence sequences."""
