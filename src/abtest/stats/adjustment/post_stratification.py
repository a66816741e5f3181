"""Values weighted over strata in which the variants' shares differ."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.adjustment.adjusted_means import AdjustedMeans
from abtest.stats.adjustment.by_variant import adjust_means, linearised, plain_level
from abtest.stats.means.t_pivot import Level

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from abtest.stats.adjustment.co_moments import CoMoments

    Matrix = NDArray[np.float64]
    Stratum = Mapping[str, CoMoments]

FEW_UNITS = 20  # as many as decide; with 8, a share of 40% is called changed in 8% instead of 5%
_NO_DENOMINATOR = sentence("has a denominator that does not add up to more than zero")


def post_stratify(strata: Mapping[str, Stratum]) -> AdjustedMeans:
    """Adjust each stratum by itself, and weight the strata by their share of all units.

    mu_a = sum_h w_h mu_ah with w_h = N_h / N, and
    V_ab = sum_h w_h^2 V_ab,h + sum_h N_h (mu_ah - mu_a) (mu_bh - mu_b) / (N - 1) / N,
    with mu_ah and V_ab,h those of ``adjust_means`` within stratum h. The second term is there
    because the shares of the strata are estimates too. One regression on indicators of the strata
    has the same values, but its residual variance divided by n_a is right only where a variant has
    the same share in every stratum.

    A ratio of sums is that of the weighted sums, R_a = sum_h w_h ybar_ah / sum_h w_h xbar_ah,
    through its linearised values.

    Assumes independent units, and at least two units of each variant in each stratum. A note says
    so where a variant's value hangs on few units: n_a = (sum_h w_h^2 / n_ah)^2 / sum_h (w_h^2 /
    n_ah)^2 / n_ah, which is n for one stratum, is then below 20.

    Args:
        strata: By the stratum's name, the co-moments of every variant by its key.

    Returns:
        The values. Their ``unadjusted`` are pooled over the strata. No variance reduction comes of
        a comparison of them, for the pooled difference answers another question.

    Raises:
        ValueError: There are no strata, or their columns differ.

    Source:
        Miratrix, Sekhon & Yu (2013), J. R. Stat. Soc. B 75, 369-396, eq. 4 and section 4.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> def units(*values):
        ...     return from_rows(Columns(("bought",)), [[value] for value in values])
        >>> even = {"control": units(0, 0, 1, 1), "gift": units(1, 1, 1, 1)}
        >>> late = {"control": units(0, 0, 0, 0, 0, 0), "gift": units(0, 1)}
        >>> post_stratify({"even": even, "late": late}).compare("control", "gift").comparison.value
        0.75
    """
    if not strata:
        raise ValueError("there are no strata; there must be at least one.")
    variants = tuple(next(iter(strata.values())))
    pooled = tuple(
        plain_level(reduce(add, (stratum[key] for stratum in strata.values()))) for key in variants
    )
    units = np.array([sum(one.n for one in stratum.values()) for stratum in strata.values()])
    shares = units / units.sum()
    single, broken = _one_outcome(variants, list(strata.values()), shares)
    fits = [adjust_means(stratum) for stratum in single]
    levels = [
        _weighted([fit.levels[place] for fit in fits], shares) for place in range(len(variants))
    ]
    levels = [
        Level(None, None, 0, _NO_DENOMINATOR) if key in broken else level
        for key, level in zip(variants, levels, strict=True)
    ]
    return AdjustedMeans(
        variants=variants,
        levels=tuple(levels),
        unadjusted=pooled,
        shared=_shared(fits, levels, units),
        units=int(units.sum()),
        covariates=(),
        slopes=((),) * len(variants),
        notes=(*_notes(list(strata), fits), *_few_units(strata, shares)),
    )


def _one_outcome(
    variants: Sequence[str], strata: Sequence[Stratum], shares: Matrix
) -> tuple[list[dict[str, CoMoments]], set[str]]:
    """Strata with one outcome instead of a ratio's two, and the variants that have no ratio."""
    if len(next(iter(strata[0].values())).columns.outcome) == 1:
        return [dict(stratum) for stratum in strata], set()
    single: list[dict[str, CoMoments]] = [{} for _ in strata]
    broken = set()
    for key in variants:
        means = np.array([stratum[key].means[:2] for stratum in strata])
        top, bottom = (float(mean) for mean in shares @ means)
        if not bottom > 0:
            broken.add(key)
        ratio, bottom = (top / bottom, bottom) if bottom > 0 else (0.0, 1.0)
        for found, stratum in zip(single, strata, strict=True):
            found[key] = linearised(stratum[key], ratio, bottom)
    return single, broken


def _weighted(levels: Sequence[Level], shares: Matrix) -> Level:
    """One variant's value over the strata, with the variance of its residuals."""
    problem = next((level.problem for level in levels if level.problem), "")
    if problem:
        return Level(None, None, 0, problem)
    value = math.fsum(w * (one.value or 0.0) for w, one in zip(shares, levels, strict=True))
    parts = [w * w * (one.variance or 0.0) for w, one in zip(shares, levels, strict=True)]
    total = math.fsum(parts)
    if total == 0:
        return Level(value, 0.0, sum(one.df for one in levels))
    # Satterthwaite (1946), eq. 17.
    terms = (
        (part / total) ** 2 / one.df for part, one in zip(parts, levels, strict=True) if part > 0
    )
    return Level(value, total, 1 / math.fsum(terms))


def _shared(
    fits: Sequence[AdjustedMeans], levels: Sequence[Level], units: NDArray[np.int64]
) -> tuple[tuple[float, ...], ...]:
    """The covariances that come from the means of covariates and the shares of strata."""
    total = int(units.sum())
    within = sum(
        (n / total) ** 2 * np.array(fit.shared) for n, fit in zip(units, fits, strict=True)
    )
    gaps = np.array(
        [
            [
                0.0 if level.value is None else (one.value or 0.0) - level.value
                for one, level in zip(fit.levels, levels, strict=True)
            ]
            for fit in fits
        ]
    )
    between = (gaps.T * units) @ gaps / (total - 1) / total
    return tuple(map(tuple, (within + between).tolist()))


def _few_units(strata: Mapping[str, Stratum], shares: Matrix) -> Iterator[str]:
    """What to say of a variant of which few units carry most of the weight."""
    for key in next(iter(strata.values())) if len(strata) > 1 else ():
        n = np.array([stratum[key].n for stratum in strata.values()], dtype=float)
        if n.min() < 1:  # the value is absent, which says more
            continue
        parts = shares**2 / n
        as_good_as = float(parts.sum() ** 2 / (parts**2 / n).sum())
        if as_good_as < FEW_UNITS:
            yield sentence(
                "{variant} has few units where much of the weight lies, as if they were {n:.0f}: "
                "with fewer than {few} the interval may be too narrow",
                variant=key,
                n=as_good_as,
                few=FEW_UNITS,
            )


def _notes(names: Sequence[str], fits: Sequence[AdjustedMeans]) -> tuple[str, ...]:
    """What the strata say: once where all say it, else with the stratum's name."""
    notes = []
    for name, fit in zip(names, fits, strict=True):
        for note in fit.notes:
            everywhere = all(note in other.notes for other in fits)
            notes.append(
                note if everywhere else sentence("{stratum}: {note}", stratum=name, note=note)
            )
    return tuple(dict.fromkeys(notes))
