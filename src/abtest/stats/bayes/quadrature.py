"""Numerical integration on panels: the same nodes for the same input, and no sampling."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats: TypeAlias = npt.NDArray[np.float64]

_ORDER = 12
_PER_RANGE = 12  # panels across one quantity's range
_MOST_PANELS = 160
_MOST_CELLS = 1_000_000  # numbers held in one array: 8 MB


@cache
def _rule() -> tuple[Floats, Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1], and weights of the integral up to each node."""
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    basis = np.polynomial.legendre.legvander(nodes, _ORDER - 1)
    integrals = np.stack(
        [
            np.polynomial.legendre.legval(
                nodes, np.polynomial.legendre.legint(np.eye(_ORDER)[degree], lbnd=-1)
            )
            for degree in range(_ORDER)
        ],
        axis=1,
    )
    return (nodes + 1) / 2, weights / 2, integrals @ np.linalg.inv(basis) / 2


def panels(breaks: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights that integrate a function piecewise between breakpoints.

    Args:
        breaks: Ascending breakpoints along the last axis; equal neighbours are allowed.

    Returns:
        Nodes and weights along the last axis, 12 for each panel.

    Example:
        >>> nodes, weights = panels(np.array([0.0, 1.0, 3.0]))
        >>> round(float((weights * nodes**2).sum()), 12)
        9.0
    """
    unit_nodes, unit_weights, _ = _rule()
    start, width = breaks[..., :-1, None], np.diff(breaks)[..., None]
    shape = (*breaks.shape[:-1], -1)
    return (start + width * unit_nodes).reshape(shape), (width * unit_weights).reshape(shape)


def cumulative(values: Floats, breaks: Floats) -> Floats:
    """The integral from the first breakpoint up to each node of ``panels(breaks)``.

    Args:
        values: The integrand at those nodes, along the last axis; more leading axes are allowed.
        breaks: The breakpoints that were passed to ``panels``.

    Returns:
        The running integral, in the shape of ``values``.

    Example:
        >>> breaks = np.array([0.0, 1.0, 3.0])
        >>> nodes, _ = panels(breaks)
        >>> bool(np.allclose(cumulative(nodes**2, breaks), nodes**3 / 3))
        True
    """
    _, unit_weights, within = _rule()
    width = np.diff(breaks)[..., None]
    blocks = values.reshape((*values.shape[:-1], -1, _ORDER)) * width
    totals = blocks @ unit_weights
    before = np.cumsum(totals, axis=-1) - totals
    result: Floats = (blocks @ within.T + before[..., None]).reshape(values.shape)
    return result


def best_of(densities: Floats, masses: Floats, weights: Floats) -> Floats:
    """Chance of each of several independent quantities to be the largest.

    P(i largest) = integral of f_i times the product of the other F_j.

    Args:
        densities: f_i at the nodes, shape (quantities, ..., nodes).
        masses: F_i at the same nodes.
        weights: Weights of the nodes, shape (..., nodes).

    Returns:
        The chances, shape (quantities, ...).

    Example:
        >>> nodes, weights = panels(np.array([0.0, 1.0]))
        >>> flat = np.ones((3, 12))
        >>> bool(np.allclose(best_of(flat, flat * nodes, weights), 1 / 3))
        True
    """
    # The product of the others is that of those before and those after; a division by the own mass
    # would fail where it is zero.
    others = np.ones_like(masses)
    np.cumprod(masses[:-1], axis=0, out=others[1:])
    after = np.ones_like(weights)
    for i in reversed(range(len(masses))):
        others[i] *= after
        after = after * masses[i]
    result: Floats = (weights * densities * others).sum(axis=-1)
    return result


def top_breaks(low: Floats, high: Floats, floor: float) -> Floats:
    """Breakpoints over the values that the largest of several quantities can take.

    Each quantity has all its mass between its low and its high, so the largest lies above every
    low. From there up all ranges nest; panels are a fixed share of the narrowest range that still
    holds a point. So their number grows with the logarithm of the ratio of the ranges' widths, not
    with the number of quantities.

    Args:
        low: Where each quantity's density starts to count, shape (quantities, rows).
        high: Where it ends, of the same shape.
        floor: Values below are left out.

    Returns:
        Ascending breakpoints, shape (rows, breakpoints): at most 161, the two ends included. All
        are equal in a row without such values.

    Example:
        >>> low, high = np.array([[0.0], [-1.0]]), np.array([[1.0], [5.0]])
        >>> breaks = top_breaks(low, high, -9.0)
        >>> [float(end) for end in breaks[0, [0, -1]]]
        [0.0, 5.0]
    """
    start = np.maximum(low.max(axis=0), floor)
    order = np.argsort(high, axis=0)
    ends = np.maximum(np.take_along_axis(high, order, axis=0), start)
    width = np.maximum(np.take_along_axis(high - low, order, axis=0), np.finfo(float).tiny)
    # The narrowest of the ranges that reach as far as this end or farther.
    narrowest = np.minimum.accumulate(width[::-1], axis=0)[::-1]
    edges = np.concatenate([start[None], ends])
    needed = np.cumsum(_PER_RANGE * np.diff(edges, axis=0) / narrowest, axis=0)
    needed = np.concatenate([np.zeros((1, len(start))), needed])
    count = min(max(math.ceil(needed[-1].max()), 1), _MOST_PANELS)
    shares = np.linspace(0.0, 1.0, count + 1)
    return np.stack(
        [np.interp(shares * n[-1], n, edge) for n, edge in zip(needed.T, edges.T, strict=True)]
    )


def blocks(rows: int, cells: int) -> Iterator[slice]:
    """Cut rows into blocks, so that an array over one block stays near 8 MB.

    Args:
        rows: How many rows there are.
        cells: The numbers needed for one row.

    Yields:
        Consecutive slices that cover all rows.

    Example:
        >>> list(blocks(5, 400_000))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(_MOST_CELLS // cells, 1)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
