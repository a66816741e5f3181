"""Numerical integration on panels: the same nodes for the same input, and no sampling."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_ORDER = 12


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
    chances = [
        (weights * densities[i] * np.delete(masses, i, axis=0).prod(axis=0)).sum(axis=-1)
        for i in range(len(densities))
    ]
    return np.stack(chances)
