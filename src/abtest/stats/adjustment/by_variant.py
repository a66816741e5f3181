"""Regression adjustment of means and ratios for what was known before the assignment."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.adjustment.adjusted_means import AdjustedMeans
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_arrays
from abtest.stats.adjustment.covariates import Choice, choose, history_means, history_products
from abtest.stats.means.ratios import ratio_level
from abtest.stats.means.t_pivot import Level
from abtest.stats.means.welch import mean_level
from abtest.stats.summaries import Moments, PairMoments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_PERFECT = 1e-12  # a residual below this share of the outcome's variation is rounding
_UNITS_PER_COVARIATE = 30  # with fewer, slopes follow chance and intervals are too narrow


def adjust_means(summaries: Mapping[str, CoMoments]) -> AdjustedMeans:
    """Adjust every variant's mean, share or ratio for the covariates (ANHECOVA).

    Within each variant a, the outcome is regressed on X - Xbar, where Xbar is the mean over *all*
    variants; the adjusted mean is the intercept, mu_a = ybar_a - b_a' (xbar_a - Xbar). Their joint
    covariance is V_ab = 1(a = b) s2_a / n_a + b_a' S b_b / N, with s2_a the residual variance
    (n_a - k - 1 in its denominator), S the covariance of X over all N units. The second term is
    there because the question is about customers like these and not about these customers alone
    (superpopulation); the usual HC2 errors leave it out. A difference has Satterthwaite's degrees
    of freedom over the residual variances and the part that unlike slopes add (N - 1).

    A share is the mean of a 0/1 outcome. A ratio of sums R_a is adjusted through its linearised
    values R_a + (y - R_a x) / xbar_a. Where a covariate is missing, see ``stats.covariates``: the
    answer does not depend on the number that fills the gap.

    Assumes that the covariates were known before the assignment, that units are independent, and
    some 30 units per covariate in the smallest variant. Not that the regression is right.

    Args:
        summaries: The co-moments of *every* variant of the experiment, by the variant's key.

    Returns:
        The adjusted values. A variant with fewer than two units, or with values too large to
        average, stays out of the adjustment of the others. Nothing is adjusted, and the notes say
        so, where no covariate is left or where a variant has fewer than k + 2 units.

    Raises:
        ValueError: There are no summaries, or their columns differ.

    Source:
        Lin (2013), Annals of Applied Statistics 7, 295-318; Negi & Wooldridge (2021), Econometric
        Reviews 40, 504-534; Ye, Shao, Yi & Zhao (2023), JASA 118, 2370-2382, for the variance.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> columns = Columns(("spend",), ("history",))
        >>> control = from_rows(columns, [[1, 1], [3, 2], [4, 4], [6, 5], [6, 6]])
        >>> treatment = from_rows(columns, [[4, 2], [5, 3], [6, 3], [8, 6], [9, 8]])
        >>> result = adjust_means({"control": control, "gift": treatment})
        >>> both = result.compare("control", "gift")
        >>> round(both.comparison.difference, 3), round(both.unadjusted_difference, 3)
        (1.684, 2.4)
    """
    columns = {summary.columns for summary in summaries.values()}
    if len(columns) != 1:
        raise ValueError(f"there are {len(columns)} sets of columns; all variants must share one.")
    plain = {key: plain_level(summary) for key, summary in summaries.items()}
    usable = {
        key: _linearised(summary)
        for key, summary in summaries.items()
        if plain[key].variance is not None and is_finite(summary)
    }
    choice, notes = choose_covariates(usable)
    notes = (*notes, *notes_of_left_out(plain, usable))
    if not choice:
        return without_adjustment(plain, sum(one.n for one in usable.values()), notes)
    return with_adjustment(plain, usable, choice, notes)


def plain_level(summary: CoMoments) -> Level:
    """A variant's mean, share or ratio without adjustment."""
    first, products = summary.means, summary.products
    if len(summary.columns.outcome) == 1:
        return mean_level(Moments(summary.n, first[0], products[0][0]))
    pair = PairMoments(
        summary.n, first[0], first[1], products[0][0], products[1][1], products[0][1]
    )
    return ratio_level(pair)


def is_finite(summary: CoMoments) -> bool:
    """Whether no moment overflowed."""
    return bool(np.isfinite(summary.means).all() and np.isfinite(summary.products).all())


def _linearised(summary: CoMoments) -> CoMoments:
    """One outcome instead of two, around the variant's own ratio."""
    if len(summary.columns.outcome) == 1:
        return summary
    mean_y, mean_x = summary.means[:2]
    return linearised(summary, mean_y / mean_x, mean_x)


def linearised(summary: CoMoments, ratio: float, mean_x: float) -> CoMoments:
    """One outcome instead of a ratio's two: R + (y - R x) / xbar.

    Args:
        summary: Co-moments of numerator y, denominator x and the covariates.
        ratio: R, around which the ratio is linearised.
        mean_x: xbar, the denominator's mean, above 0.

    Returns:
        The co-moments of the linearised values and the covariates.

    Example:
        >>> from abtest.stats.adjustment.co_moments import from_rows
        >>> pairs = from_rows(Columns(("revenue", "orders")), [[10, 1], [50, 3]])
        >>> linearised(pairs, 15.0, 2.0).means
        (15.0,)
    """
    mean_y, own_mean_x = summary.means[:2]
    value = ratio + (mean_y - ratio * own_mean_x) / mean_x
    size = len(summary.means)
    weights = np.zeros((size, size - 1))
    weights[0, 0], weights[1, 0] = 1 / mean_x, -ratio / mean_x
    weights[2:, 1:] = np.eye(size - 2)
    products = weights.T @ np.asarray(summary.products) @ weights
    columns = Columns(
        summary.columns.outcome[:1], summary.columns.covariates, summary.columns.missing
    )
    return from_arrays(columns, summary.n, (value, *summary.means[2:]), products)


def total_of(usable: Mapping[str, CoMoments]) -> CoMoments:
    """All variants' units together, in an order that does not depend on the variants' names.

    So that swapping two variants negates their difference to the last digit.
    """
    return reduce(add, sorted(usable.values(), key=lambda one: (one.n, one.means, one.products)))


def choose_covariates(
    usable: Mapping[str, CoMoments], units: str = "units"
) -> tuple[Choice | None, tuple[str, ...]]:
    """The covariates to adjust for, or None, with what is to be said about them.

    Args:
        usable: The co-moments of each variant; at least two units each, all finite.
        units: What is counted, for the notes.
    """
    if not usable:
        return None, ()
    total = total_of(usable)
    if not total.columns.history:
        return None, (sentence("there are no covariates: not adjusted"),)
    choice = choose(list(usable.values()), total)
    count = len(choice.kept)
    if not count:
        return None, (*choice.notes, sentence("no covariate is left: not adjusted"))
    smallest = min(usable, key=lambda key: usable[key].n)
    n = usable[smallest].n
    if n < count + 2:
        few = sentence(
            "{variant} has {n} {units}, too few for {count} covariates: not adjusted",
            variant=smallest,
            n=n,
            units=sentence(units),
            count=count,
        )
        return None, (*choice.notes, few)
    if n < _UNITS_PER_COVARIATE * count:
        advice = sentence(
            "{variant} has {n} {units} for {count} covariates: with fewer than "
            "{least} units for each, intervals are a little too narrow",
            variant=smallest,
            n=n,
            units=sentence(units),
            count=count,
            least=_UNITS_PER_COVARIATE,
        )
        return choice, (*choice.notes, advice)
    return choice, choice.notes


def notes_of_left_out(
    plain: Mapping[str, Level], usable: Mapping[str, CoMoments]
) -> tuple[str, ...]:
    """What to say of variants that have a value but no usable covariates."""
    return tuple(
        sentence("{variant} has a covariate too large to average: not adjusted", variant=key)
        for key, level in plain.items()
        if level.variance is not None and key not in usable
    )


def without_adjustment(
    plain: Mapping[str, Level], units: int, notes: tuple[str, ...]
) -> AdjustedMeans:
    """The values as they are, where there is nothing to adjust for."""
    levels = tuple(plain.values())
    return AdjustedMeans(
        variants=tuple(plain),
        levels=levels,
        unadjusted=levels,
        shared=tuple((0.0,) * len(levels) for _ in levels),
        units=units,
        covariates=(),
        slopes=((),) * len(levels),
        notes=notes,
    )


def with_adjustment(
    plain: Mapping[str, Level],
    usable: Mapping[str, CoMoments],
    choice: Choice,
    notes: tuple[str, ...],
) -> AdjustedMeans:
    """The values at the common mean of the covariates that were chosen."""
    total = total_of(usable)
    centre = history_means(total)
    products = choice.transform.T @ history_products(total) @ choice.transform
    # A variant that is left out, or whose outcome is constant, keeps its value and has no slopes.
    flat = np.zeros(len(choice.kept))
    fits = [
        _fit(usable[key], choice.transform, centre)
        if key in usable and level.variance
        else (flat, level)
        for key, level in plain.items()
    ]
    matrix = np.stack([slope for slope, _ in fits])
    shared = matrix @ products @ matrix.T / (total.n - 1) / total.n
    return AdjustedMeans(
        variants=tuple(plain),
        levels=tuple(level for _, level in fits),
        unadjusted=tuple(plain.values()),
        shared=tuple(map(tuple, shared.tolist())),
        units=total.n,
        covariates=choice.kept,
        slopes=tuple(map(tuple, (matrix @ choice.transform.T).tolist())),
        notes=notes,
    )


def _fit(summary: CoMoments, transform: Matrix, centre: Matrix) -> tuple[Matrix, Level]:
    """The slopes of one variant, and its intercept at the common mean of the covariates."""
    left = transform.T @ history_products(summary) @ transform
    right = transform.T @ np.asarray(summary.products)[1:, 0]
    spread = np.sqrt(np.diag(left))
    slope = np.linalg.solve(left / np.outer(spread, spread), right / spread) / spread
    variation = summary.products[0][0]
    residual = variation - float(slope @ right)
    residual = residual if residual > _PERFECT * variation else 0.0
    df = summary.n - len(slope) - 1
    value = summary.means[0] - float((history_means(summary) - centre) @ transform @ slope)
    return slope, Level(value, residual / df / summary.n, df)
