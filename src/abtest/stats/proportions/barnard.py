"""Two proportions by Barnard's exact unconditional test, for readers who expect it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.proportions.score_pivot import check_counts
from abtest.stats.proportions.unconditional import check_size, largest_probability

if TYPE_CHECKING:
    from abtest.stats.proportions.unconditional import ExactTest, Tables
    from abtest.stats.summaries import Proportion


def barnard_test(control: Proportion, treatment: Proportion) -> ExactTest:
    """Test two proportions exactly, with tables ordered by the pooled z.

    p = max over pi of the probability, with both rates equal to pi, of all tables whose
    abs(p_t - p_c) / sqrt(p q (1 / n_t + 1 / n_c)), with p the share over both, is at least that of
    the observed table; 0 where nobody or everybody has an event. Tables are compared in whole
    numbers, so ties are ties: without that, as in scipy's ``barnard_exact``, the p-value comes out
    too small.

    The test never exceeds its alpha. There is no interval that it agrees with, and it is no method
    of ``abtest analyze``; Boschloo's, which is, is as exact and at least as strong as Fisher's.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events; at most 400 units with control's.

    Returns:
        The test.

    Raises:
        ValueError: There are too many units, or more events than units.

    Source:
        Barnard (1945), Nature 156, 177; Suissa & Shuster (1985), JRSS A 148, 317-327.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(barnard_test(Proportion(34, 1), Proportion(34, 7)).pvalue, 4)
        0.0281
    """
    check_counts(control, treatment)
    check_size(control, treatment)
    return largest_probability(_as_extreme(control, treatment))


def _as_extreme(control: Proportion, treatment: Proportion) -> Tables:
    """Which tables have a pooled z at least as far from 0; [events of control, of treatment]."""
    n_c, n_t = control.n, treatment.n
    # Up to 400 units, the products stay below 10^14 and are exact.
    events_c, events_t = np.ogrid[: n_c + 1, : n_t + 1]
    squares = (events_t * n_c - events_c * n_t) ** 2
    spread = (events_c + events_t) * (n_c + n_t - events_c - events_t)
    seen = control.successes, treatment.successes
    # squares / spread >= the one seen; where spread is 0, so is the distance, and z is 0.
    least = int(squares[seen]), int(spread[seen])
    if least[0] == 0:
        return np.ones(squares.shape, dtype=np.bool_)
    return np.asarray((squares * least[1] >= least[0] * spread) & (spread > 0), dtype=np.bool_)
