"""Two proportions by Boschloo's exact unconditional test, for tiny tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import accumulate
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.absent import without_inference
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.proportions.score_pivot import check_counts
from abtest.stats.proportions.unconditional import MAX_UNITS, check_size, largest_probability

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison
    from abtest.stats.proportions.unconditional import ExactTest, Tables
    from abtest.stats.summaries import Proportion

INTERVALS_BY_SCORE = sentence(
    "the p-value is exact (Boschloo), the intervals invert the score: they may disagree"
)


def boschloo(control: Proportion, treatment: Proportion, ci_level: float = 0.95) -> Comparison:
    """Compare two proportions by the exact unconditional test that orders by Fisher's p-value.

    p = max over pi of the probability, with both rates equal to pi, of all tables whose two-sided
    p-value by Fisher's test is at most that of the observed table. Fisher's p-values are compared
    in whole numbers, so ties are ties. The test never exceeds its alpha, and is never weaker than
    Fisher's. No interval inverts it in closed form: those here are Miettinen & Nurminen's, so
    p-value and intervals may disagree and ``coherent`` is False.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events; at most 400 units with control's.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison, without a statistic. Without inference where there are more units: the
        score is then as good and takes no time.

    Raises:
        ValueError: ``ci_level`` is no coverage, or there are more events than units.

    Source:
        Boschloo (1970), Statistica Neerlandica 24, 1-35; Suissa & Shuster (1985), JRSS A 148,
        317-327.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(boschloo(Proportion(34, 1), Proportion(34, 7)).pvalue, 4)
        0.0385
    """
    by_score = miettinen_nurminen(control, treatment, ci_level)
    if by_score.pvalue is None:
        return replace(by_score, method="boschloo")
    units = control.n + treatment.n
    if units > MAX_UNITS:
        return without_inference(
            control.value,
            treatment.value,
            ci_level=ci_level,
            method="boschloo",
            note=sentence(
                "Boschloo's test is for at most {most} units and here are {n}",
                most=MAX_UNITS,
                n=units,
            ),
        )
    return replace(
        by_score,
        statistic=None,
        pvalue=boschloo_test(control, treatment).pvalue,
        method="boschloo",
        coherent=False,
        notes=(*by_score.notes, INTERVALS_BY_SCORE),
    )


def boschloo_test(control: Proportion, treatment: Proportion) -> ExactTest:
    """The p-value of ``boschloo`` with the common rate that it comes from.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events; at most 400 units with control's.

    Returns:
        The test.

    Raises:
        ValueError: There are too many units, or more events than units.

    Source:
        Boschloo (1970), Statistica Neerlandica 24, 1-35.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(boschloo_test(Proportion(34, 1), Proportion(34, 7)).rate, 3)
        0.5
    """
    check_counts(control, treatment)
    check_size(control, treatment)
    return largest_probability(_as_extreme(control, treatment))


def _as_extreme(control: Proportion, treatment: Proportion) -> Tables:
    """Which tables have a Fisher p-value of at most the observed one; [events_c, events_t]."""
    n_c, n_t = control.n, treatment.n
    limit = _fisher(n_c, n_t, control.successes + treatment.successes)[treatment.successes]
    extreme = np.zeros((n_c + 1, n_t + 1), dtype=np.bool_)
    for events in range(n_c + n_t + 1):
        for events_t, (weight, total) in _fisher(n_c, n_t, events).items():
            extreme[events - events_t, events_t] = weight * limit[1] <= limit[0] * total
    return extreme


_choose = cache(comb)


def _fisher(n_c: int, n_t: int, events: int) -> dict[int, tuple[int, int]]:
    """Fisher's two-sided p-value of every table with so many events, as a fraction."""
    possible = range(max(0, events - n_c), min(n_t, events) + 1)
    weights = {x: _choose(n_t, x) * _choose(n_c, events - x) for x in possible}
    total = sum(weights.values())
    # From the least likely table up; equally likely ones count together.
    repeats = Counter(weights.values())
    ordered = sorted(repeats)
    sums = accumulate(weight * repeats[weight] for weight in ordered)
    at_most = dict(zip(ordered, sums, strict=True))
    return {x: (at_most[weight], total) for x, weight in weights.items()}
