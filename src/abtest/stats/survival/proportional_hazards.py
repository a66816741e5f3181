"""Are the hazards proportional? The score test of Grambsch & Therneau."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.stats.scipy_special import special
from abtest.stats.survival.kaplan_meier import kaplan_meier_curve
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.survival.life_table import Floats
    from abtest.stats.survival.partial_likelihood import Deaths

    Strata = Sequence[tuple[LifeTable, LifeTable]]

Transform = Literal["km", "identity"]
"""The scale of time on which the ratio may drift."""


def proportional_hazards_pvalue(
    strata: Strata, fits: Sequence[Deaths], log_ratio: float, transform: Transform = "km"
) -> float | None:
    """The p-value of a hazard ratio that does not drift with time.

    With r_k the Schoenfeld residuals and v_k their variances at the estimate, g_k the transformed
    time: chi-square = (sum g r)^2 / (sum g^2 v - (sum g v)^2 / sum v), one degree of freedom. This
    is the score test of the covariate times g(t), exact in v, not the older approximation by a
    constant variance.

    Args:
        strata: (control, treatment) of each stratum.
        fits: Their events.
        log_ratio: The estimated log hazard ratio.
        transform: ``km`` for g = 1 - S(t-) of all units pooled; ``identity`` for g = t.

    Returns:
        The p-value; None where the events are too few to tell, such as all at one time.

    Source:
        Grambsch & Therneau (1994), Biometrika 81, 515-526.

    Example:
        >>> from abtest.stats.survival.life_table import LifeTable
        >>> from abtest.stats.survival.partial_likelihood import deaths_of
        >>> from abtest.stats.survival.risk_sets import risk_sets
        >>> one = LifeTable((1.0, 2.0, 3.0), (1, 1, 0), (0, 0, 2))
        >>> proportional_hazards_pvalue([(one, one)], [deaths_of(risk_sets(one, one))], 0.0)
        1.0
    """
    clocks = (
        _pooled_clocks(strata, fits)
        if transform == "km"
        else [deaths.sets.times for deaths in fits]
    )
    clock = np.concatenate(clocks)
    residuals = np.concatenate([deaths.residuals(log_ratio) for deaths in fits])
    variances = np.concatenate([deaths.variances(log_ratio) for deaths in fits])
    total = float(variances.sum())
    if total <= 0:
        return None
    # Around the weighted mean of the clock the cross term is zero and no digits are lost.
    clock = clock - float((clock * variances).sum()) / total
    spread = float((clock * clock * variances).sum())
    reach = float((clock * clock).max())
    if spread <= 1e-12 * reach * total:
        return None
    score = float((clock * residuals).sum())
    return float(special.chdtrc(1, score * score / spread))


def _pooled_clocks(strata: Strata, fits: Sequence[Deaths]) -> list[Floats]:
    """1 - S(t-) of all units together, at the times of each stratum."""
    pooled = sum((table for stratum in strata for table in stratum), start=LifeTable.empty())
    curve = kaplan_meier_curve(pooled)
    gone = np.concatenate(([0.0], 1 - curve.survival))
    return [gone[np.searchsorted(curve.times, deaths.sets.times)] for deaths in fits]
