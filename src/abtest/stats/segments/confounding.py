"""Simpson's paradox: does the pooled difference say something else than the segments do?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.log_lift import value_and_variance
from abtest.stats.segments.heterogeneity import weighted_effect
from abtest.stats.tails import normal_pvalue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.summaries import Summary


@dataclass(frozen=True, slots=True)
class Confounding:
    """The pooled difference beside the one within segments.

    Attributes:
        crude: Treatment minus control over everybody.
        within: The same within segments, each counted by its share of all units.
        within_se: Standard error of ``within``.
        gap: ``crude`` less ``within``: what comes of the variants' other shares of the segments.
        gap_se: Its standard error where units were split alike in all segments.
        pvalue: Of a gap by chance; None where the segments do not differ in their values.
        reversed: Whether the two point in different directions.
    """

    crude: float
    within: float
    within_se: float
    gap: float
    gap_se: float
    pvalue: float | None
    reversed: bool


def confounding(strata: Sequence[tuple[Summary, Summary]]) -> Confounding | None:
    """Hold the pooled difference against the one within segments.

    With s_tk and s_ck the shares of segment k in treatment and control, and y the values,
    gap = sum_k (s_tk - s_ck) m_k with m_k = (n_c y_tk + n_t y_ck) / (n_t + n_c). Where the split is
    the same in all segments the shares differ by chance alone, and
    Var(gap) = (1 / n_t + 1 / n_c) sum_k S_k (m_k - m)^2 with S_k the segment's share of all units.
    A gap far beyond that says that who got which variant hangs on the segment.

    Assumes shares or means whose pooled value is their weighted mean; segments without a unit of
    one of the variants are left out.

    Args:
        strata: Each segment's summaries as (control, treatment), proportions or moments.

    Returns:
        The two differences; None where fewer than two segments have values of both variants.

    Source:
        Simpson (1951), J. R. Stat. Soc. B 13, 238-241; Miratrix, Sekhon & Yu (2013), J. R. Stat.
        Soc. B 75, 369-396, section 3, for how far the two are apart by chance.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> small = (Proportion(270, 234), Proportion(87, 81))
        >>> large = (Proportion(80, 55), Proportion(263, 192))
        >>> found = confounding([small, large])  # kidney stones
        >>> round(found.crude, 4), round(found.within, 4), found.reversed
        (-0.0457, 0.0537, True)
    """
    known = [
        (control.n, treatment.n, *value_and_variance(control), *value_and_variance(treatment))
        for control, treatment in strata
        if control.n and treatment.n
    ]
    both = [row for row in known if None not in row]
    if len(both) < 2:
        return None
    table = np.array(both, dtype=float)
    n_c, n_t, y_c, v_c, y_t, v_t = table.T
    all_c, all_t = n_c.sum(), n_t.sum()
    units = n_c + n_t
    crude = float(n_t @ y_t / all_t - n_c @ y_c / all_c)
    inside = weighted_effect(list(y_t - y_c), list(np.sqrt(v_t + v_c)), list(units))
    mixed = (all_c * y_t + all_t * y_c) / (all_c + all_t)
    shares = units / units.sum()
    spread = float(shares @ np.square(mixed - shares @ mixed))
    se = math.sqrt((1 / all_c + 1 / all_t) * spread)
    gap = crude - inside.value
    return Confounding(
        crude=crude,
        within=inside.value,
        within_se=inside.se,
        gap=gap,
        gap_se=se,
        pvalue=normal_pvalue(gap / se) if se > 0 else None,
        reversed=crude * inside.value < 0,
    )
