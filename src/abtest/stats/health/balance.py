"""Are the variants alike in what was known before they were assigned?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.adjustment.co_moments import CoMoments
    from abtest.stats.resampling.value_counts import ValueCounts


@dataclass(frozen=True, slots=True)
class Independence:
    """Pearson's chi-square test that rows and columns of a table of counts are independent.

    Attributes:
        statistic: The chi-square; None where nothing can be tested.
        df: Degrees of freedom.
        pvalue: Chance of a table at least this far from independence; None without a test.
    """

    statistic: float | None
    df: int
    pvalue: float | None


def independence(table: Sequence[Sequence[int]]) -> Independence:
    """Test whether variants (rows) differ in the shares of an attribute's values (columns).

    X^2 = sum (observed - expected)^2 / expected with expected = row total * column total / total,
    on (rows - 1)(columns - 1) degrees of freedom. Rows and columns without a count are left out.
    Assumes units assigned independently and expected counts of about five or more.

    Args:
        table: Counts, one row per variant, all of one length.

    Returns:
        The test; without a p-value where fewer than two rows or columns have a count.

    Source:
        Pearson (1900); Agresti (2013), Categorical Data Analysis, section 3.2.1.

    Example:
        >>> found = independence([[10, 20], [20, 10]])
        >>> found.df, round(found.statistic, 4), round(found.pvalue, 6)
        (1, 6.6667, 0.009823)
    """
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    total = sum(rows)
    df = max(sum(map(bool, rows)) - 1, 0) * max(sum(map(bool, columns)) - 1, 0)
    if df == 0:
        return Independence(None, 0, None)
    statistic = 0.0
    for row, of_row in zip(table, rows, strict=True):
        for count, of_column in zip(row, columns, strict=True):
            if of_row and of_column:
                expected = of_row * of_column / total
                statistic += (count - expected) ** 2 / expected
    return Independence(statistic, df, float(special.chdtrc(df, statistic)))


def standardized_difference(
    control: tuple[float, float], treatment: tuple[float, float]
) -> float | None:
    """(mean of treatment - mean of control) / sqrt((variance of control + of treatment) / 2).

    Args:
        control: Mean and variance.
        treatment: Mean and variance.

    Returns:
        The difference in standard deviations; None where nothing varies.

    Source:
        Austin (2009), Statistics in Medicine 28, equation 1.

    Example:
        >>> standardized_difference((10.0, 4.0), (11.0, 4.0))
        0.5
    """
    spread = math.sqrt((control[1] + treatment[1]) / 2)
    return (treatment[0] - control[0]) / spread if spread > 0 else None


def largest_gap(control: ValueCounts, treatment: ValueCounts) -> float | None:
    """The largest distance between two distributions: Smirnov's D = max |F_t(x) - F_c(x)|.

    It sees any difference, not only one of means. Meant for values that are counted one by one.

    Args:
        control: The control's values.
        treatment: The treatment's.

    Returns:
        D, between 0 and 1; None where a variant has no value.

    Source:
        Smirnov (1939), Bulletin de l'Universite de Moscou 2, 3-14.

    Example:
        >>> from abtest.stats.resampling.value_counts import ValueCounts
        >>> largest_gap(ValueCounts.of([1, 2, 3, 4]), ValueCounts.of([3, 4, 5, 6]))
        0.5
    """
    if control.n == 0 or treatment.n == 0:
        return None
    points = np.union1d(control.values, treatment.values)
    shares = []
    for found in (control, treatment):
        up_to = np.concatenate([[0], np.cumsum(found.counts)])
        shares.append(up_to[np.searchsorted(found.values, points, side="right")] / found.n)
    return float(np.abs(shares[1] - shares[0]).max())


@dataclass(frozen=True, slots=True)
class Omnibus:
    """Whether several covariates together tell the variants apart.

    Attributes:
        f: The F statistic of regressing the variant on the covariates.
        df: Its degrees of freedom; the first are the covariates that are no combination of others.
        pvalue: Its p-value.
        chi_square: Hansen and Bowers's statistic, the same distance under reassignment.
        chi_square_pvalue: Its large-sample p-value.
    """

    f: float
    df: tuple[int, int]
    pvalue: float
    chi_square: float
    chi_square_pvalue: float


def omnibus(control: CoMoments, treatment: CoMoments) -> Omnibus | None:
    """One test for all covariates at once, so that a long list raises no false alarm.

    With d the difference of means, W and T the products within and in total: T^2 =
    n_c n_t / n d' (W / (n - 2))^-1 d and F = T^2 (n - p - 1) / (p (n - 2)); the chi-square is
    n_c n_t / n d' (T / (n - 1))^-1 d on p degrees of freedom.

    Args:
        control: Co-moments of control's covariates.
        treatment: The treatment's, of the same columns.

    Returns:
        The test; None without a covariate that varies, or with too few units.

    Source:
        Hotelling (1931), Annals of Mathematical Statistics 2, 360; Hansen & Bowers (2008),
        Statistical Science 23, 219.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> columns = Columns(("y",), ("x",))
        >>> control = from_rows(columns, [[0, 1], [0, 2], [0, 3]])
        >>> found = omnibus(control, from_rows(columns, [[0, 2], [0, 3], [0, 4]]))
        >>> round(found.f, 9), found.df
        (1.5, (1, 4))
    """
    first = len(control.columns.outcome)
    n, groups = control.n + treatment.n, (control, treatment)
    within = sum(np.array(group.products)[first:, first:] for group in groups)
    gap = np.subtract(treatment.means, control.means)[first:]
    share = control.n * treatment.n / n if n else 0.0
    scale = np.sqrt(np.diag(within + share * np.outer(gap, gap)))
    kept = scale > 0
    if not kept.any() or 0 in (control.n, treatment.n):
        return None
    # Standardised, so that what counts as a combination of others does not depend on units.
    d = (gap / np.where(kept, scale, 1))[kept]
    inside = np.array(within)[np.ix_(kept, kept)] / np.outer(scale[kept], scale[kept])
    total = inside + share * np.outer(d, d)
    p = int(np.linalg.matrix_rank(total, hermitian=True))
    if n - p - 1 <= 0:
        return None
    # The share of the variant's variance that the covariates explain.
    explained = min(share * float(d @ np.linalg.pinv(total, hermitian=True) @ d), 1.0)
    chi_square = (n - 1) * explained
    f = math.inf if explained == 1 else explained / (1 - explained) * (n - p - 1) / p
    return Omnibus(
        f=f,
        df=(p, n - p - 1),
        pvalue=float(special.fdtrc(p, n - p - 1, f)) if math.isfinite(f) else 0.0,
        chi_square=chi_square,
        chi_square_pvalue=float(special.chdtrc(p, chi_square)),
    )
