"""Which covariates an outcome is adjusted for, and how they are put on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.adjustment.co_moments import missing_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from abtest.stats.adjustment.co_moments import Columns, CoMoments

    Matrix = NDArray[np.float64]

_ROUNDING = 1e-15  # a spread below this share of the mean is rounding, not variation
_COLLINEAR = 1e-10  # a column of which the others leave less than this share adds nothing


@dataclass(frozen=True, slots=True)
class Choice:
    """The covariates that are adjusted for.

    Attributes:
        transform: What a row of history columns is multiplied by: one column for each that is
            kept, on a scale where its standard deviation over all units is 1.
        kept: The names of those that are kept.
        notes: Which were dropped, and why.
    """

    transform: Matrix
    kept: tuple[str, ...]
    notes: tuple[str, ...]


def history_products(summary: CoMoments) -> Matrix:
    """The block of centred products of the covariates alone."""
    start = len(summary.columns.outcome)
    return np.asarray(summary.products)[start:, start:]


def history_means(summary: CoMoments) -> Matrix:
    """The means of the covariates."""
    return np.asarray(summary.means)[len(summary.columns.outcome) :]


def choose(summaries: Sequence[CoMoments], total: CoMoments) -> Choice:
    """Put the covariates on one scale and drop those that add nothing.

    A covariate with missing values becomes x - g m, with m its column ``x:missing`` and g the mean
    of x where it is filled in minus the mean where it is known, over all units. That is x with its
    gaps filled in by the mean of what is known, whatever the fill-in was: so no later choice and
    no answer depends on it. Then every column is divided by its standard deviation.

    Columns are kept by QR with pivoting on the scaled products, in all variants at once: next
    comes the column of which those kept leave the largest share in the variant where that share is
    smallest; below 1e-10 of a column nothing is left. Equal shares go to ``x:missing`` columns
    first, then by name, so that the order in which covariates are listed changes nothing.

    Args:
        summaries: The co-moments of each variant; at least two units each, all finite.
        total: Their sum.

    Returns:
        The choice; nothing is kept where nothing is left.

    Source:
        Golub & Van Loan (2013), Matrix Computations, section 5.4.2, in its Cholesky form;
        Zhao & Ding (2024), JASA 119, 450-460, for missing covariates.

    Example:
        >>> from abtest.stats.adjustment.co_moments import Columns, from_rows
        >>> rows = from_rows(Columns(("y",), ("a", "b")), [[1, 1, 7], [2, 2, 7], [4, 5, 7]])
        >>> choose([rows], rows).notes
        ('b is the same for every unit: not adjusted for',)
    """
    columns = total.columns
    transform = _fill_with_mean(columns, history_products(total))
    spread = np.diag(transform.T @ history_products(total) @ transform)
    noise = _ROUNDING * np.abs(history_means(total) @ np.abs(transform))
    constant = spread <= total.n * noise * noise
    scale = np.sqrt(np.where(constant, 1.0, spread / total.n))
    transform = np.where(constant, 0.0, transform / scale)
    blocks = np.stack(
        [transform.T @ history_products(one) @ transform / one.n for one in summaries]
    )
    places = _pivot(blocks, _by_priority(columns))
    kept = tuple(columns.history[place] for place in places)
    return Choice(transform[:, places], kept, _notes(columns, set(kept), constant))


def _fill_with_mean(columns: Columns, products: Matrix) -> Matrix:
    """The identity, but for x - g m in the column of each covariate with missing values."""
    transform = np.eye(len(columns.history))
    for name in columns.missing:
        x = columns.history.index(name)
        m = columns.history.index(missing_column(name))
        if products[m, m] > 0:
            transform[m, x] = -products[m, x] / products[m, m]
    return transform


def _by_priority(columns: Columns) -> list[int]:
    """Places of the history columns, those that say what is missing first, then by name."""
    indicators = {missing_column(name) for name in columns.missing}
    return sorted(
        range(len(columns.history)),
        key=lambda place: (columns.history[place] not in indicators, columns.history[place]),
    )


def _pivot(blocks: Matrix, candidates: list[int]) -> list[int]:
    """The columns kept, from the scaled products of shape (variants, columns, columns)."""
    own = np.diagonal(blocks, axis1=1, axis2=2).copy()
    own[own <= _COLLINEAR] = np.inf  # constant within a variant: nothing of it is ever left
    left = blocks.copy()
    kept: list[int] = []
    while len(kept) < len(candidates):
        shares = (np.diagonal(left, axis1=1, axis2=2) / own).min(axis=0)
        open_places = [place for place in candidates if place not in kept]
        # Rounded, so that columns which are alike but for their last digits count as equal.
        best = max(open_places, key=lambda place: round(float(shares[place]), 9))
        if shares[best] <= _COLLINEAR:
            break
        kept.append(best)
        pivots = left[:, best, best][:, None, None]
        left = left - left[:, :, best, None] * left[:, best, None, :] / pivots
    return sorted(kept)


def _notes(columns: Columns, kept: set[str], constant: NDArray[np.bool_]) -> tuple[str, ...]:
    notes = []
    for name, same in zip(columns.history, constant, strict=True):
        if name not in kept:
            reason = (
                sentence("is the same for every unit")
                if same
                else sentence("follows from the other covariates in some variant")
            )
            notes.append(
                sentence("{covariate} {reason}: not adjusted for", covariate=name, reason=reason)
            )
    return tuple(notes)
