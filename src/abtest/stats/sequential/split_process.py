"""Did the split come out as planned, asked every night: an e-process for the sample ratio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

STRENGTH = 200.0  # a prior that is this sure of the plan finds small losses soonest


def split_log_e_value(
    counts: Sequence[int], shares: Sequence[float], prior: Sequence[float] | None = None
) -> float:
    """The logarithm of how much the counts speak against the planned split, at any time.

    E = Gamma(A) / Gamma(A + N) prod Gamma(a_i + n_i) / Gamma(a_i) / prod theta_i^n_i. The chance
    that it ever reaches 1 / alpha under the planned split is at most alpha.

    Args:
        counts: Units in each variant.
        shares: Planned shares, which add up to 1. A variant with share 0 gets no unit.
        prior: The Dirichlet mixture's a_i, above 0; 200 times the shares where nothing is said.

    Returns:
        ln E; infinite where a variant that was to get no unit has one.

    Raises:
        ValueError: Counts, shares or a prior that are none.

    Source:
        Lindon & Malek (2022), NeurIPS (arXiv 2011.03567).

    Example:
        >>> round(math.exp(split_log_e_value([5210, 4790], [0.5, 0.5])))
        799
    """
    _check(counts, shares)
    if any(n > 0 and share == 0 for n, share in zip(counts, shares, strict=True)):
        return math.inf
    strengths = [STRENGTH * share for share in shares] if prior is None else list(prior)
    if len(strengths) != len(shares):
        raise ValueError(f"there are {len(strengths)} prior numbers for {len(shares)} shares.")
    cells = [c for c in zip(counts, shares, strengths, strict=True) if c[1] > 0]
    if not all(a > 0 for _, _, a in cells):
        raise ValueError("every number of the prior must be above 0.")
    total = math.fsum(a for _, _, a in cells)
    n = sum(count for count, _, _ in cells)
    log_e = float(special.gammaln(total) - special.gammaln(total + n))
    for count, share, a in cells:
        log_e += float(special.gammaln(a + count) - special.gammaln(a)) - count * math.log(share)
    return log_e


def _check(counts: Sequence[int], shares: Sequence[float]) -> None:
    if len(counts) != len(shares):
        raise ValueError(f"there are {len(counts)} counts and {len(shares)} shares.")
    if any(n < 0 for n in counts):
        raise ValueError(f"counts are {list(counts)}; none may be negative.")
    if any(share < 0 for share in shares) or not math.isclose(math.fsum(shares), 1, abs_tol=1e-9):
        raise ValueError(f"shares are {list(shares)}; none may be negative and they add up to 1.")
