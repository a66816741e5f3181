"""Several comparisons at once: adjusted p-values and the intervals that go with them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Procedure = Literal["none", "bonferroni", "holm", "hochberg", "bh", "by"]


def adjust(pvalues: Sequence[float | None], procedure: Procedure) -> list[float | None]:
    """Adjust p-values so that each can be held against alpha itself.

    With p(1) <= ... <= p(m): Bonferroni m p; Holm max_{j<=i} (m - j + 1) p(j); Hochberg
    min_{j>=i} (m - j + 1) p(j); Benjamini-Hochberg min_{j>=i} m p(j) / j; Benjamini-Yekutieli the
    same times 1 + 1/2 + ... + 1/m. Capped at 1.

    Bonferroni, Holm and Hochberg bound the chance of any false claim, BH and BY the expected share
    of false claims. Hochberg and BH assume independent or positively dependent p-values.

    Args:
        pvalues: The p-values, 0 to 1; None where a comparison has none.
        procedure: Which procedure.

    Returns:
        The adjusted p-values in the order that was passed. None stays None and does not count in m.

    Raises:
        ValueError: A p-value is not between 0 and 1.

    Source:
        Holm (1979); Hochberg (1988); Benjamini & Hochberg (1995); Benjamini & Yekutieli (2001).

    Example:
        >>> adjust([0.01, None, 0.04], "bonferroni")
        [0.02, None, 0.08]
    """
    present = [(pvalue, place) for place, pvalue in enumerate(pvalues) if pvalue is not None]
    for pvalue, _ in present:
        if not 0 <= pvalue <= 1:
            raise ValueError(f"a p-value is {pvalue}; it must lie between 0 and 1.")
    present.sort()
    ordered = _adjust_ordered([pvalue for pvalue, _ in present], procedure)
    adjusted: list[float | None] = [None] * len(pvalues)
    for value, (_, place) in zip(ordered, present, strict=True):
        adjusted[place] = min(value, 1.0)
    return adjusted


def _adjust_ordered(ordered: list[float], procedure: Procedure) -> list[float]:
    m = len(ordered)
    if procedure == "none":
        return ordered
    if procedure == "bonferroni":
        return [m * pvalue for pvalue in ordered]
    if procedure in ("holm", "hochberg"):
        scaled = [(m - rank) * pvalue for rank, pvalue in enumerate(ordered)]
        return list(accumulate(scaled, max)) if procedure == "holm" else _running_min(scaled)
    penalty = _harmonic(m) if procedure == "by" else 1.0
    return _running_min([penalty * m * pvalue / (rank + 1) for rank, pvalue in enumerate(ordered)])


def _running_min(values: list[float]) -> list[float]:
    """The smallest of each value and those after it."""
    return list(accumulate(reversed(values), min))[::-1]


def _harmonic(m: int) -> float:
    return sum(1 / rank for rank in range(1, m + 1))


def adjusted_ci_level(
    pvalues: Sequence[float | None], procedure: Procedure, alpha: float
) -> tuple[float, str | None]:
    """The coverage of the intervals that accompany adjusted p-values, and what they are called.

    Bonferroni, Holm and Hochberg: 1 - alpha / m, simultaneous and conservative for the last two.
    BH and BY: 1 - R alpha / m with R the number of rejections (1 where there is none), for BY
    divided by the harmonic sum too; then the expected share of the selected intervals that miss is
    at most alpha (false coverage rate).

    Args:
        pvalues: The unadjusted p-values; None where a comparison has none.
        procedure: Which procedure.
        alpha: The error rate, between 0 and 1.

    Returns:
        The coverage, and ``bonferroni``, ``fcr`` or None for no adjustment.

    Raises:
        ValueError: A p-value or alpha is out of range.

    Source:
        Benjamini & Yekutieli (2005), JASA 100, 71-81, definition 1.

    Example:
        >>> adjusted_ci_level([0.01, 0.2], "holm", 0.05)
        (0.975, 'bonferroni')
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1.")
    adjusted = [pvalue for pvalue in adjust(pvalues, procedure) if pvalue is not None]
    m = max(len(adjusted), 1)
    if procedure == "none":
        return 1 - alpha, None
    if procedure in ("bonferroni", "holm", "hochberg"):
        return 1 - alpha / m, "bonferroni"
    rejections = max(sum(pvalue < alpha for pvalue in adjusted), 1)
    penalty = _harmonic(m) if procedure == "by" else 1.0
    return 1 - rejections * alpha / (m * penalty), "fcr"
