"""Who counts as a customer already: the purchases before a unit's anchor."""

from __future__ import annotations

from abtest.fields import Block, Duration


class Prior(Block):
    """Which purchases make a unit a customer who can come back."""

    lookback: Duration
    """Only purchases at most this long before the anchor count."""
