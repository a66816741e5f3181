"""Several comparisons at once: adjusted p-values and the intervals that go with them."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Procedure = Literal[
    "none", "bonferroni", "sidak", "holm", "holm_sidak", "hochberg", "hommel", "bh", "by"
]


def adjust(pvalues: Sequence[float | None], procedure: Procedure) -> list[float | None]:
    """Adjust p-values so that each can be held against alpha itself.

    With p(1) <= ... <= p(m): Bonferroni m p; Sidak 1 - (1 - p)^m; Holm max_{j<=i} (m - j + 1) p(j);
    Holm-Sidak max_{j<=i} 1 - (1 - p(j))^(m - j + 1);
    Hochberg min_{j>=i} (m - j + 1) p(j); Hommel the closed test by Simes; Benjamini-Hochberg
    min_{j>=i} m p(j) / j; Benjamini-Yekutieli the same times 1 + 1/2 + ... + 1/m. Capped at 1.

    Bonferroni, Sidak, Holm, Hochberg and Hommel bound the chance of any false claim, BH and BY the
    expected share of false claims. Sidak, Hochberg, Hommel and BH assume independent or positively
    dependent p-values. Sidak's is exact for independent ones, and holds for two-sided tests of
    normal estimates however these are correlated (Sidak's inequality).

    Args:
        pvalues: The p-values, 0 to 1; None where a comparison has none.
        procedure: Which procedure.

    Returns:
        The adjusted p-values in the order that was passed. None stays None and does not count in m.

    Raises:
        ValueError: A p-value is not between 0 and 1.

    Source:
        Holm (1979); Hochberg (1988); Hommel (1988), with the algorithm of Wright (1992), Biometrics
        48, appendix; Sidak (1967), JASA 62, 626-633; Holland & Copenhaver (1987), Biometrics 43,
        417-423; Benjamini & Hochberg (1995); Benjamini & Yekutieli (2001).

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
    if procedure == "sidak":
        return [_any_of(m, pvalue) for pvalue in ordered]
    if procedure == "holm_sidak":
        steps = [_any_of(m - rank, pvalue) for rank, pvalue in enumerate(ordered)]
        return list(accumulate(steps, max))
    if procedure == "hommel":
        return _hommel(ordered)
    if procedure in ("holm", "hochberg"):
        scaled = [(m - rank) * pvalue for rank, pvalue in enumerate(ordered)]
        return list(accumulate(scaled, max)) if procedure == "holm" else _running_min(scaled)
    penalty = _harmonic(m) if procedure == "by" else 1.0
    return _running_min([penalty * m * pvalue / (rank + 1) for rank, pvalue in enumerate(ordered)])


def _any_of(m: int, pvalue: float) -> float:
    """The chance that any of m independent p-values is as small."""
    return -math.expm1(m * math.log1p(-pvalue)) if pvalue < 1 else 1.0


def _hommel(ordered: list[float]) -> list[float]:
    """The largest Simes p-value of all sets that hold a hypothesis, by Wright's short cut."""
    m = len(ordered)
    if m == 0:
        return []
    smallest = min(m * pvalue / (rank + 1) for rank, pvalue in enumerate(ordered))
    adjusted = [smallest] * m
    for size in range(m - 1, 1, -1):
        first = m - size + 1  # the hypotheses before it are held against the largest of the set
        bound = min(size * pvalue / (rank + 2) for rank, pvalue in enumerate(ordered[first:]))
        head = [min(size * pvalue, bound) for pvalue in ordered[:first]]
        found = head + [head[-1]] * (m - first)
        adjusted = [max(pair) for pair in zip(adjusted, found, strict=True)]
    return [max(pair) for pair in zip(adjusted, ordered, strict=True)]


def _running_min(values: list[float]) -> list[float]:
    """The smallest of each value and those after it."""
    return list(accumulate(reversed(values), min))[::-1]


def _harmonic(m: int) -> float:
    return math.fsum(1 / rank for rank in range(1, m + 1))


def adjusted_ci_level(
    pvalues: Sequence[float | None], procedure: Procedure, alpha: float
) -> tuple[float, str | None]:
    """The coverage of the intervals that accompany adjusted p-values, and what they are called.

    Bonferroni, Holm, Hochberg and Hommel: 1 - alpha / m, simultaneous and conservative for the last
    three. Sidak and Holm-Sidak: (1 - alpha)^(1/m).
    BH and BY: 1 - R alpha / m with R the number of rejections (1 where there is none), for BY
    divided by the harmonic sum too; then the expected share of the selected intervals that miss is
    at most alpha (false coverage rate).

    Args:
        pvalues: The unadjusted p-values; None where a comparison has none.
        procedure: Which procedure.
        alpha: The error rate, between 0 and 1.

    Returns:
        The coverage, and ``bonferroni``, ``sidak``, ``fcr`` or None for no adjustment.

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
    if procedure in ("sidak", "holm_sidak"):
        return (1 - alpha) ** (1 / m), "sidak"
    if procedure in ("bonferroni", "holm", "hochberg", "hommel"):
        return 1 - alpha / m, "bonferroni"
    rejections = max(sum(pvalue < alpha for pvalue in adjusted), 1)
    penalty = _harmonic(m) if procedure == "by" else 1.0
    return 1 - rejections * alpha / (m * penalty), "fcr"


def fixed_sequence(pvalues: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values of hypotheses that are tested in a fixed order, each at alpha.

    p(i) = max of the p-values up to i: the first that is not significant ends the sequence. Bounds
    the chance of any false claim, whatever the dependence.

    Args:
        pvalues: In the order of testing, 0 to 1; None where one cannot be tested.

    Returns:
        The adjusted p-values; None from the first None on, for nothing behind it can be claimed.

    Raises:
        ValueError: A p-value is not between 0 and 1.

    Source:
        Maurer, Hothorn & Lehmacher (1995); Westfall & Krishen (2001), J. Stat. Plan. Inference 99,
        25-40.

    Example:
        >>> fixed_sequence([0.01, 0.2, 0.03])
        [0.01, 0.2, 0.2]
    """
    adjusted: list[float | None] = []
    for pvalue in adjust(pvalues, "none"):
        before = adjusted[-1] if adjusted else 0.0
        adjusted.append(None if before is None or pvalue is None else max(before, pvalue))
    return adjusted


def gated(
    gate: Sequence[float | None], pvalues: Sequence[float | None], *, share: float = 1.0
) -> list[float | None]:
    """Serial gatekeeping: a family that may be claimed only behind a gate, then by Holm.

    p(i) = max(largest adjusted p-value of the gate, Holm's p(i) / share).

    Args:
        gate: The gate's adjusted p-values, all of which must be significant.
        pvalues: The family's unadjusted p-values; None where a comparison has none.
        share: The part of alpha that the family has behind the open gate, above 0, at most 1.

    Returns:
        The family's adjusted p-values; all None where the gate has none to be held against.

    Raises:
        ValueError: A p-value or the share is out of range.

    Source:
        Dmitrienko & Tamhane (2007), Pharmaceutical Statistics 6, 171-180.

    Example:
        >>> gated([0.03], [0.001, 0.04])
        [0.03, 0.04]
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share is {share}; it must lie above 0, and be at most 1.")
    holm = adjust(pvalues, "holm")
    gates = [pvalue for pvalue in adjust(gate, "none") if pvalue is not None]
    if not gates or len(gates) < len(gate):
        return [None] * len(holm)
    return [None if pvalue is None else max(*gates, min(pvalue / share, 1.0)) for pvalue in holm]
