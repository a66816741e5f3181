"""Lin's regression from rows, with the sandwich errors that hold the covariates fixed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from abtest.sentences import sentence
from abtest.stats.comparison import Interval
from abtest.stats.tails import check_ci_level, t_pvalue, t_quantile

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Matrix = NDArray[np.float64]

Sandwich = Literal["hc0", "hc2", "hc3"]
_POWER = {"hc0": 0, "hc2": 1, "hc3": 2}
_DETERMINED = 1e-10  # of a unit whose leverage is 1 but for this, the fit leaves no residual
_ROUNDING = 1e-24  # a variance below this share of the outcome's square is rounding


@dataclass(frozen=True, slots=True)
class LinRegression:
    """The coefficient of the variant in a regression with interactions.

    Attributes:
        difference: Treatment minus control at the mean of the covariates over both.
        se: Its standard error; None where it is not known.
        df: Units less coefficients.
        pvalue: Two-sided p-value by t; None where there is no error.
        ci: Its interval; None as above.
        note: Why something is None; empty where nothing is.
    """

    difference: float | None
    se: float | None
    df: int
    pvalue: float | None
    ci: Interval | None
    note: str = ""


def lin_regression(
    control: ArrayLike, treatment: ArrayLike, errors: Sandwich = "hc2", ci_level: float = 0.95
) -> LinRegression:
    """Regress the outcome on the variant, X - Xbar and their products, for comparison with R.

    The coefficient of the variant is the difference of ``adjust_means``. Its variance is
    sum_i (w_i e_i)^2 / (1 - h_i)^k over all units, with w_i the unit's weight in its variant's
    intercept, e_i its residual, h_i its leverage, and k = 0, 1 or 2 for HC0, HC2 and HC3; t on the
    units less the 2 (covariates + 1) coefficients.

    These errors hold the covariates fixed: they leave out what other customers like these would
    have had. Where slopes differ between variants, 95% intervals by HC2 cover 92%, and those of
    ``adjust_means`` 95%. They need every customer's row, which ``adjust_means`` does not.

    Args:
        control: One row per unit: the outcome, then the covariates, without gaps.
        treatment: The treatment's rows.
        errors: Which errors.
        ci_level: Coverage of the interval, between 0 and 1.

    Returns:
        The coefficient. Without one where a variant has too few units for its coefficients or
        collinear covariates; without an error where one unit alone fixes a coefficient (HC2, HC3)
        or where nothing is left to vary.

    Raises:
        ValueError: ``ci_level`` is no coverage, the variants' columns differ, or a value is not
            finite.

    Source:
        Lin (2013), Annals of Applied Statistics 7, 295-318; MacKinnon & White (1985), Journal of
        Econometrics 29, 305-325, for the errors.

    Example:
        >>> control = [[1, 1], [3, 2], [4, 4], [6, 5], [6, 6]]
        >>> treatment = [[4, 2], [5, 3], [6, 3], [8, 6], [9, 8]]
        >>> found = lin_regression(control, treatment)
        >>> round(found.difference, 3), round(found.se, 3), found.df
        (1.684, 0.393, 6)
    """
    check_ci_level(ci_level)
    both = [_rows(control), _rows(treatment)]
    width = both[0].shape[1]
    if both[1].shape[1] != width:
        raise ValueError(
            f"control has {width} columns and treatment {both[1].shape[1]}; they must be the same."
        )
    df = sum(map(len, both)) - 2 * width
    centre = np.concatenate(both)[:, 1:].mean(axis=0) if sum(map(len, both)) else None
    fits = [_fit(rows, centre, _POWER[errors]) for rows in both]
    if fits[0] is None or fits[1] is None:
        note = sentence("a variant has too few units for its covariates, or they are collinear")
        return LinRegression(None, None, df, None, None, note)
    difference, total = fits[1][0] - fits[0][0], fits[0][1] + fits[1][1]
    if not 0 < total < math.inf or df < 1:
        note = (
            sentence("a unit alone fixes a coefficient")
            if total
            else sentence("nothing is left to vary")
        )
        return LinRegression(difference, None, df, None, None, note)
    se = math.sqrt(total)
    half_width = t_quantile(df, ci_level) * se
    ci = Interval(difference - half_width, difference + half_width)
    return LinRegression(difference, se, df, t_pvalue(difference / se, df), ci)


def _rows(rows: ArrayLike) -> Matrix:
    found = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if not np.isfinite(found).all():
        raise ValueError("a value is not finite; leave unobserved units out, fill in gaps.")
    return found


def _fit(rows: Matrix, centre: Matrix | None, power: int) -> tuple[float, float] | None:
    """One variant's intercept at the centre with its variance; infinite where it has none."""
    design = rows.copy()
    design[:, 1:] -= centre if centre is not None else 0.0
    design[:, 0] = 1.0
    if len(rows) < design.shape[1]:
        return None
    scale = np.sqrt((design * design).mean(axis=0))
    if not scale.all() or np.linalg.matrix_rank(design / scale) < design.shape[1]:
        return None
    basis, triangle = np.linalg.qr(design / scale)
    # Around the mean: an offset of the outcome then costs no digits.
    offset = rows[:, 0].mean()
    outcome = rows[:, 0] - offset
    weights = basis @ np.linalg.solve(triangle.T, np.eye(design.shape[1])[0]) / scale[0]
    residuals = outcome - basis @ (basis.T @ outcome)
    room = 1 - (basis * basis).sum(axis=1)
    alone = room <= _DETERMINED
    if power and alone.any():
        return float(offset + weights @ outcome), math.inf
    residuals = np.where(alone, 0.0, residuals)
    variance = float((weights * weights * residuals**2 / np.where(alone, 1.0, room) ** power).sum())
    noise = _ROUNDING * float((weights * weights) @ (outcome * outcome))
    return float(offset + weights @ outcome), variance if variance > noise else 0.0
