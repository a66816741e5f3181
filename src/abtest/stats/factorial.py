"""Factorial designs: main effects, interactions and simple effects from one estimate per cell.

Every effect is a weighted sum of cell values, so that nothing is left out of the model: it is the
saturated regression. For means its robust (HC2) variance is s2 / n of each cell, so no rows are
needed. Factors are coded -1/2 and +1/2: a main effect is the difference of two margins in which
every cell counts the same, and a two-way coefficient is a difference in differences.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abtest.stats.means.t_pivot import Level
from abtest.stats.scipy_special import special

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from abtest.stats.summaries import Moments

Cell = tuple[int, ...]
"""A cell: the place of each factor's level; 0 is the level of control."""


@dataclass(frozen=True, slots=True)
class CellRegression:
    """A least-squares fit on cells.

    Attributes:
        coefficients: One for each column of the design.
        covariance: Their robust covariance (HC2).
    """

    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """The standard errors."""
        return tuple(float(v) for v in np.sqrt(np.diag(np.array(self.covariance))))


@dataclass(frozen=True, slots=True)
class WaldTest:
    """Several coefficients at once: whether any differs from 0.

    Attributes:
        statistic: b' V^-1 b, chi-square in large samples.
        df: How many coefficients.
        pvalue: By the chi-square distribution.
        f: The statistic per coefficient.
        df_residual: Units minus cells.
        pvalue_f: By the F distribution, which is a little more careful with few units.
    """

    statistic: float
    df: int
    pvalue: float
    f: float
    df_residual: float
    pvalue_f: float


def cell_regression(design: Sequence[Sequence[float]], cells: Sequence[Moments]) -> CellRegression:
    """Least squares of the units' values on columns that are the same within a cell, with HC2.

    b = (X'X)^-1 X'y; V = (X'X)^-1 [sum_g x_g x_g' (m2_g + n_g r_g^2) / (1 - h_g)] (X'X)^-1 with r_g
    the residual of the cell's mean and h_g = x_g' (X'X)^-1 x_g. Only the cells' moments are needed.

    A design without interactions gives effects that are right only where there are none; it is here
    to compare with.

    Args:
        design: One row for each cell, one column for each coefficient.
        cells: The moments of each cell's units.

    Returns:
        Coefficients and their covariance.

    Raises:
        ValueError: The rows of design and cells do not match, the columns are not independent, or a
            cell has too few units for its variance.

    Source:
        MacKinnon & White (1985), Journal of Econometrics 29, 305-325, eq. 7 (HC2).

    Example:
        >>> from abtest.stats.summaries import Moments
        >>> cells = [Moments(5, 10.0, 40.0), Moments(5, 12.0, 40.0)]
        >>> fit = cell_regression([[1, 0], [1, 1]], cells)
        >>> [round(b, 6) for b in fit.coefficients], round(fit.errors[1], 6)
        ([10.0, 2.0], 2.0)
    """
    x = np.array(design, dtype=np.float64)
    if x.ndim != 2 or len(x) != len(cells):
        raise ValueError(f"the design has {len(x)} rows and there are {len(cells)} cells.")
    n = np.array([cell.n for cell in cells], dtype=np.float64)
    means, m2 = (np.array(column) for column in zip(*((c.mean, c.m2) for c in cells), strict=True))
    cross = (x * n[:, None]).T @ x
    if np.linalg.matrix_rank(cross) < len(cross):
        raise ValueError("the columns of the design are not independent over these cells.")
    bread = np.linalg.inv(cross)
    coefficients = bread @ (x * n[:, None]).T @ means
    leverage = np.einsum("gi,ij,gj->g", x, bread, x)
    if not np.all(leverage < 1 - 1e-12):
        raise ValueError("a cell has one unit: its variance is not known.")
    squares = (m2 + n * (means - x @ coefficients) ** 2) / (1 - leverage)
    covariance = bread @ ((x * squares[:, None]).T @ x) @ bread
    return CellRegression(
        tuple(map(float, coefficients)), tuple(tuple(map(float, row)) for row in covariance)
    )


def saturated_design(
    levels: Sequence[int], cells: Sequence[Cell]
) -> tuple[tuple[tuple[int, ...], ...], NDArray[np.float64]]:
    """The columns of every effect and interaction.

    Two levels are coded -1/2 and +1/2; more by columns that sum to zero, so that each coefficient
    is the level's distance from the mean of all levels.

    Args:
        levels: How many levels each factor has, at least 2.
        cells: The cells, one row each.

    Returns:
        For each column the level of each factor that it stands for (0: the factor is not in it),
        the intercept first and lower orders before higher; and the columns.

    Raises:
        ValueError: A factor has fewer than two levels.

    Source:
        Dasgupta, Pillai & Rubin (2015), JRSS B 77, 727-753; their interaction of two factors is
        half of ours.

    Example:
        >>> terms, columns = saturated_design([2, 2], [(0, 0), (0, 1), (1, 0), (1, 1)])
        >>> terms
        ((0, 0), (1, 0), (0, 1), (1, 1))
        >>> columns[:, 3].tolist()
        [0.25, -0.25, -0.25, 0.25]
    """
    if any(count < 2 for count in levels):
        raise ValueError("a factor has fewer than two levels.")
    every = itertools.product(*(range(count) for count in levels))
    terms = sorted(
        every, key=lambda term: (sum(map(bool, term)), [not level for level in term], term)
    )
    columns = np.array([[_coded(cell, term, levels) for term in terms] for cell in cells])
    return tuple(terms), columns


def margin(
    cells: Mapping[Cell, Level],
    fixed: Mapping[int, int],
    weights: Mapping[Cell, float] | None = None,
) -> Level:
    """The mean over the cells in which some factors have a certain level.

    sum w_g m_g with variance sum w_g^2 v_g and Satterthwaite's degrees of freedom.

    Args:
        cells: Each cell's estimate.
        fixed: The level of some factors, by their place.
        weights: What each combination of the *other* factors counts for, as any positive numbers by
            cell; the same for all where absent. They are taken as known.

    Returns:
        The margin's estimate; without a value or variance where a cell has none.

    Raises:
        ValueError: No cell has these levels, or the weights sum to 0.

    Example:
        >>> cells = {(0, 0): Level(1.0, 1.0, 9), (0, 1): Level(3.0, 1.0, 9)}
        >>> margin(cells, {0: 0})
        Level(value=2.0, variance=0.5, df=18.0, problem='')
    """
    chosen = [cell for cell in cells if all(cell[place] == level for place, level in fixed.items())]
    if not chosen:
        raise ValueError(f"no cell has the levels {dict(fixed)}.")
    shares = [1.0 if weights is None else weights[cell] for cell in chosen]
    total = math.fsum(shares)
    if total <= 0:
        raise ValueError("the weights sum to 0; at least one must be positive.")
    return combined(
        [(share / total, cells[cell]) for share, cell in zip(shares, chosen, strict=True)]
    )


def combined(parts: Sequence[tuple[float, Level]]) -> Level:
    """A weighted sum of independent estimates.

    Args:
        parts: Each estimate with its weight, which may be negative.

    Returns:
        The sum, with Satterthwaite's degrees of freedom; a problem where a part has one.

    Example:
        >>> combined([(1.0, Level(5.0, 1.0, 9)), (-1.0, Level(2.0, 1.0, 9))])
        Level(value=3.0, variance=2.0, df=18.0, problem='')
    """
    value, squares, spread = 0.0, 0.0, 0.0
    for weight, level in parts:
        if level.value is None or level.variance is None:
            return Level(None, None, 0, level.problem or "has no estimate")
        share = weight * weight * level.variance
        value += weight * level.value
        squares += share
        spread += share * share / level.df if share else 0.0
    return Level(value, squares, squares * squares / spread if spread else 1.0)


def pooled_weights(counts: Mapping[Cell, int], factor: int) -> dict[Cell, float]:
    """How many units have each cell's levels of all factors but one: the mix that was observed.

    Args:
        counts: Units of each cell.
        factor: The place of the factor whose effect is averaged.

    Returns:
        The same weight for all levels of that factor, by cell.

    Example:
        >>> pooled_weights({(0, 0): 10, (1, 0): 20, (0, 1): 5, (1, 1): 5}, 0)
        {(0, 0): 30.0, (1, 0): 30.0, (0, 1): 10.0, (1, 1): 10.0}
    """

    def rest(cell: Cell) -> Cell:
        return cell[:factor] + cell[factor + 1 :]

    totals: dict[Cell, float] = {}
    for cell, n in counts.items():
        totals[rest(cell)] = totals.get(rest(cell), 0.0) + n
    return {cell: totals[rest(cell)] for cell in counts}


def joint_interactions(levels: Sequence[int], cells: Mapping[Cell, Level]) -> WaldTest:
    """Whether any interaction differs from 0, of two factors or more.

    W = b' V^-1 b over the interactions of the saturated model. A large p-value does not show that
    there are none, and is no reason to leave them out.

    Args:
        levels: How many levels each factor has.
        cells: Each cell's estimate; every combination must be there, each with a variance.

    Returns:
        The test.

    Raises:
        ValueError: There is one factor, a cell is missing, or one has no variance.

    Source:
        Zhao & Ding (2022), Journal of Econometrics 231, 334-360; Muralidharan, Romero & Wuthrich
        (2023), Review of Economics and Statistics, for why short models mislead.

    Example:
        >>> four = [(0, 0), (0, 1), (1, 0), (1, 1)]
        >>> cells = {cell: Level(float(sum(cell)), 0.5, 9) for cell in four}
        >>> joint_interactions([2, 2], cells).pvalue
        1.0
    """
    every = list(itertools.product(*(range(count) for count in levels)))
    known = [cells[cell] for cell in every if cell in cells]
    if len(levels) < 2 or len(known) < len(every):
        raise ValueError("interactions need two factors, and every cell.")
    values = np.array([np.nan if level.value is None else level.value for level in known])
    variances = np.array([level.variance or 0.0 for level in known])
    if not (np.all(np.isfinite(values)) and np.all(variances > 0)):
        raise ValueError("a cell has no estimate, or does not vary; there is no test.")
    terms, columns = saturated_design(levels, every)
    solve = np.linalg.inv(columns)
    rows = solve[[sum(map(bool, term)) > 1 for term in terms]]
    effects = rows @ values
    covariance = (rows * variances) @ rows.T
    statistic = float(effects @ np.linalg.solve(covariance, effects))
    df, residual = len(rows), float(sum(level.df for level in known))
    return WaldTest(
        statistic=statistic,
        df=df,
        pvalue=float(special.chdtrc(df, statistic)),
        f=statistic / df,
        df_residual=residual,
        pvalue_f=float(special.fdtrc(df, residual, statistic / df)),
    )


def _coded(cell: Cell, term: Cell, levels: Sequence[int]) -> float:
    """One entry of the design: the product of the codes of the factors in the term."""
    product = 1.0
    for at, wanted, count in zip(cell, term, levels, strict=True):
        if not wanted:
            continue
        if count == 2:
            product *= 0.5 if at else -0.5
        else:
            product *= float(at == wanted) - float(at == 0)
    return product
