"""Fisher's exact test of two proportions, for readers who expect it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abtest.stats.summaries import Proportion

MAX_UNITS = 20_000  # in all; a second


@dataclass(frozen=True, slots=True)
class FisherTest:
    """P-values of equal rates, given how many events there are in all.

    Attributes:
        pvalue: Two-sided: the probability of all tables that are at most as likely as this one.
        pvalue_greater: That treatment has at least so many events.
        pvalue_less: That treatment has at most so many.
        mid_pvalue: Like ``pvalue``, with half the probability of the tables as likely as this one.
        mid_pvalue_greater: Like ``pvalue_greater``, with half the probability of this table.
    """

    pvalue: float
    pvalue_greater: float
    pvalue_less: float
    mid_pvalue: float
    mid_pvalue_greater: float


def fisher_exact(control: Proportion, treatment: Proportion) -> FisherTest:
    """Test two proportions by the hypergeometric distribution of the treatment's events.

    P(k) = C(n_t, k) C(n_c, m - k) / C(N, m) with m the events in all. Tables are compared in whole
    numbers, so ties are ties. The test never exceeds its alpha but is far below it in small
    tables; Boschloo's is as exact and more powerful, and the score is the default. There is no
    interval that it agrees with, and so it is no method of ``abtest analyze``. The mid-p values are
    not exact, and come closer to their alpha.

    Assumes independent units, each counted once.

    Args:
        control: The control's units and events.
        treatment: The treatment's units and events.

    Returns:
        The p-values.

    Raises:
        ValueError: There are more than 20,000 units, where the score is as good, or more events
            than units.

    Source:
        Fisher (1935), J. R. Stat. Soc. 98, 39-82; Lancaster (1961), JASA 56, 223-234, for mid-p.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> round(fisher_exact(Proportion(1000, 2), Proportion(1000, 9)).pvalue, 4)
        0.0647
    """
    n_c, n_t = control.n, treatment.n
    if n_c + n_t > MAX_UNITS:
        raise ValueError(
            f"there are {n_c + n_t:,} units; there must be at most {MAX_UNITS:,}. "
            "Use miettinen_nurminen, which is as good then."
        )
    for name, variant in (("control", control), ("treatment", treatment)):
        if not 0 <= variant.successes <= variant.n:
            raise ValueError(
                f"{name} has {variant.successes} events of {variant.n} units; it must have at most "
                "as many events as units."
            )
    first, weights = _weights(n_c, n_t, control.successes + treatment.successes)
    place = treatment.successes - first
    total, seen = sum(weights), weights[place]
    tied = sum(weight for weight in weights if weight == seen)
    rarer = sum(weight for weight in weights if weight < seen)

    def share(tables: Iterable[int]) -> float:
        return sum(tables) / total

    return FisherTest(
        pvalue=share([rarer, tied]),
        pvalue_greater=share(weights[place:]),
        pvalue_less=share(weights[: place + 1]),
        mid_pvalue=(2 * rarer + tied) / (2 * total),
        mid_pvalue_greater=(2 * sum(weights[place + 1 :]) + seen) / (2 * total),
    )


def _weights(n_c: int, n_t: int, events: int) -> tuple[int, list[int]]:
    """The fewest events that treatment can have, and in how many ways it has so many or more."""
    first, last = max(0, events - n_c), min(events, n_t)
    weights = [math.comb(n_t, first) * math.comb(n_c, events - first)]
    for k in range(first, last):
        more = weights[-1] * (n_t - k) * (events - k)
        weights.append(more // ((k + 1) * (n_c - events + k + 1)))  # leaves no remainder
    return first, weights
