"""Shares adjusted by a logistic regression in each variant, standardised over all units."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import joined, sentence
from abtest.stats.absent import SIDES, without_inference
from abtest.stats.adjustment.correlated_pivot import Pair, correlated_comparison
from abtest.stats.scipy_special import special
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from abtest.stats.comparison import Comparison

    Matrix = NDArray[np.float64]

METHOD = "g_computation"
_STEPS = 50
_CONVERGED = 1e-10  # of the linear predictor, in log odds
_SEPARATED = 30.0  # log odds beyond which a fitted share is 0 or 1


@dataclass(frozen=True, slots=True)
class Rows:
    """One variant's units, row by row.

    Attributes:
        outcome: 0 or 1 for each unit.
        covariates: What was known of each unit, of shape (units, covariates), without gaps.
    """

    outcome: ArrayLike
    covariates: ArrayLike


def g_computation(control: Rows, treatment: Rows, ci_level: float = 0.95) -> Comparison:
    """Compare two shares after a logistic regression in each variant.

    Each variant's fit predicts the share of *all* units, m_a(x_i); the adjusted share mu_a is the
    mean prediction. The joint variance is sum_i phi_i phi_i' / N^2 with
    phi_ia = m_a(x_i) - mu_a + 1(i in a) (N / n_a) (y_i - m_a(x_i)). Needs rows: co-moments do not
    hold what a logistic regression asks. ``adjust_means`` estimates the same from co-moments.

    Assumes covariates known before the assignment and independent units; not that the model is
    right.

    Args:
        control: The control's units.
        treatment: The treatment's units, with the same covariates.
        ci_level: Coverage of the intervals, between 0 and 1.

    Returns:
        The comparison of shares; without inference where a regression has no finite solution, such
        as where the covariates separate the outcomes. Degrees of freedom are the units less the
        coefficients.

    Raises:
        ValueError: Shapes do not fit, an outcome is not 0 or 1, a value is not finite, or
            ``ci_level`` is no coverage.

    Source:
        Ye, Bannick, Yi & Shao (2023), Statistical Theory and Related Fields 7, 159-163; FDA
        (2023), Adjusting for covariates in randomized clinical trials.

    Example:
        >>> control = Rows([0, 1, 0, 1, 0, 1], [[1], [2], [3], [4], [5], [6]])
        >>> treatment = Rows([1, 0, 1, 1, 0, 1], [[1], [2], [3], [4], [5], [6]])
        >>> round(g_computation(control, treatment).difference, 6)
        0.166667
    """
    check_ci_level(ci_level)
    pair = standardised_shares(control, treatment)
    if isinstance(pair, Pair):
        return correlated_comparison(pair, ci_level=ci_level, method=METHOD)
    outcomes = [_checked(rows)[0] for rows in (control, treatment)]
    shares = [float(outcome.mean()) if len(outcome) else None for outcome in outcomes]
    return without_inference(*shares, ci_level=ci_level, method=METHOD, note=pair)


def standardised_shares(control: Rows, treatment: Rows) -> Pair | str:
    """Two adjusted shares with their joint variance, or why there are none.

    Args:
        control: The control's units.
        treatment: The treatment's units, with the same covariates.

    Returns:
        The two shares; a sentence where a regression has no finite solution.

    Raises:
        ValueError: Shapes do not fit, an outcome is not 0 or 1, or a value is not finite.

    Example:
        >>> same = Rows([0, 1, 0, 1, 0, 1], [[1], [2], [3], [4], [5], [6]])
        >>> round(standardised_shares(same, same).value, 9)
        0.5
    """
    blocks = [_checked(rows) for rows in (control, treatment)]
    if blocks[0][1].shape[1] != blocks[1][1].shape[1]:
        raise ValueError("control and treatment must have the same covariates.")
    slopes = [_logistic(outcome, design) for outcome, design in blocks]
    failed = [name for name, slope in zip(SIDES, slopes, strict=True) if slope is None]
    if failed:
        return sentence(
            "the regression of {variants} has no finite solution", variants=joined(" and ", failed)
        )
    everyone = np.concatenate([design for _, design in blocks])
    predicted = np.stack([special.expit(everyone @ slope) for slope in slopes if slope is not None])
    means = predicted.mean(axis=1)
    influence = predicted - means[:, None]
    units, start = len(everyone), 0
    for place, (outcome, _) in enumerate(blocks):
        own = slice(start, start + len(outcome))
        influence[place, own] += units / len(outcome) * (outcome - predicted[place, own])
        start += len(outcome)
    (variance_control, covariance), (_, variance) = (influence @ influence.T / units**2).tolist()
    value_control, value = means.tolist()
    df = units - 2 * everyone.shape[1]
    return Pair(value_control, value, variance_control, variance, covariance, df)


def _checked(rows: Rows) -> tuple[Matrix, Matrix]:
    """The outcome, and the covariates after a column of ones."""
    outcome = np.asarray(rows.outcome, dtype=float).ravel()
    covariates = np.asarray(rows.covariates, dtype=float)
    if covariates.ndim != 2 or len(covariates) != len(outcome):
        raise ValueError("covariates must have one row for each outcome.")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError("an outcome is neither 0 nor 1.")
    if not np.isfinite(covariates).all():
        raise ValueError("a covariate is not a finite number.")
    return outcome, np.column_stack([np.ones(len(outcome)), covariates])


def _logistic(outcome: Matrix, design: Matrix) -> Matrix | None:
    """Coefficients of greatest likelihood by Newton's method; None where there are none."""
    if len(outcome) <= design.shape[1]:
        return None
    # On a common scale, so that the unit of a covariate does not decide what converges.
    scale = np.maximum(np.abs(design).max(axis=0), math.ulp(1.0))
    scaled = design / scale
    slope = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        share = special.expit(scaled @ slope)
        information = scaled.T @ (scaled * (share * (1 - share))[:, None])
        if np.linalg.matrix_rank(information) < len(slope):
            return None
        step = np.linalg.solve(information, scaled.T @ (outcome - share))
        slope = slope + step
        if np.abs(scaled @ slope).max() > _SEPARATED:
            return None
        if np.abs(scaled @ step).max() < _CONVERGED:
            return np.asarray(slope / scale)
    return None
