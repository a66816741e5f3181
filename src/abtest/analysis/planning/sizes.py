"""How many units a metric needs, and what a number of units can find."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from abtest.stats.power.events import events_schoenfeld, power_schoenfeld
from abtest.stats.power.exact import MOST_UNITS, exact_power
from abtest.stats.power.normal import normal_mde, normal_power, normal_size
from abtest.stats.power.proportions import (
    proportions_power_pooled,
    proportions_size_pooled,
)
from abtest.stats.roots import find_root

if TYPE_CHECKING:
    from abtest.analysis.planning.baselines import Known
    from abtest.analysis.planning.comparisons import Comparison
    from abtest.fields import RelativeOrAbsolute

_FAR = 10.0  # times the smallest effect without zeros: no effect with them is larger
_NEARLY = 1e-9  # shares of 0 and 1 have no hazard ratio: this close to them is far enough


def difference_of(size: RelativeOrAbsolute, known: Known) -> float:
    """A declared effect in the metric's own unit."""
    if size.absolute is not None:
        return size.absolute
    return (size.relative or 0.0) * abs(known.value)


def scale_of(known: Known, comparison: Comparison) -> float:
    """By how much history, clusters and looks multiply the units."""
    return known.factor * known.effect * comparison.inflation


def units_for(known: Known, comparison: Comparison, difference: float, *, up: bool) -> float:
    """Observed units of control that an effect needs, with history, clusters and looks.

    Args:
        known: The metric without the experiment.
        comparison: How it is compared.
        difference: The size of the effect, above 0; for a margin the margin.
        up: Whether the effect is a rise.

    Returns:
        Units of control; infinite where the effect leaves the range of a share.
    """
    design = comparison.design
    scale = scale_of(known, comparison)
    if known.shape == "mean":
        variance = _variance_of_treatment(known, comparison, difference, up=up)
        return scale * normal_size(difference, known.variance, variance, design)
    if comparison.margin is not None:
        null = -difference if up else difference
        return scale * proportions_size_pooled(known.value, known.value, design, null)
    moved = known.value + (difference if up else -difference)
    if not 0 <= moved <= 1:
        return float("inf")
    if known.shape == "hazard":
        return scale * _hazard_units(known, comparison, moved)
    return scale * proportions_size_pooled(known.value, moved, design)


def power_at(
    known: Known, comparison: Comparison, n_control: float, difference: float, *, up: bool
) -> float:
    """The chance of finding an effect with so many observed units of control.

    Shares without history, clusters or looks, in up to 10,000 units: by enumeration of every table
    under the very test that decides. Otherwise by the normal formula.
    """
    design = comparison.design
    n = n_control / scale_of(known, comparison)
    if n <= 1:
        return 0.0
    if known.shape == "mean":
        variance = _variance_of_treatment(known, comparison, difference, up=up)
        return normal_power(n, difference, known.variance, variance, design)
    if comparison.margin is not None:
        null = -difference if up else difference
        return proportions_power_pooled(n, known.value, known.value, design, null)
    moved = min(max(known.value + (difference if up else -difference), 0.0), 1.0)
    if known.shape == "hazard":
        return _hazard_power(known, comparison, n, moved)
    units = round(n), round(n * design.ratio)
    if scale_of(known, comparison) == 1 and sum(units) <= MOST_UNITS and min(units) > 0:
        return exact_power(units[0], known.value, units[1], moved, design.alpha)
    return proportions_power_pooled(n, known.value, moved, design)


def mde_at(known: Known, comparison: Comparison, n_control: float, *, up: bool) -> float | None:
    """The smallest effect that is found with the planned power; None where there is none.

    For a guardrail with a margin it is the margin that could be shown to hold if nothing changes.
    """
    n = n_control / scale_of(known, comparison)
    if n <= 1:
        return None
    if known.shape == "mean" or comparison.margin is not None:
        return _mean_mde(known, comparison, n, up=up) if known.variance > 0 else None
    if known.shape == "hazard":
        return _hazard_mde(known, comparison, n, up=up)
    return _share_mde(known, comparison, n, up=up)


def _variance_of_treatment(
    known: Known, comparison: Comparison, difference: float, *, up: bool
) -> float:
    """The variance of one treated unit; guardrails are planned for one that changes nothing."""
    if comparison.margin is not None:
        return known.variance
    return known.moved_variance(known.value + (difference if up else -difference))


def _mean_mde(known: Known, comparison: Comparison, n_control: float, *, up: bool) -> float:
    """By the formula that sizes are computed with, so that the one follows from the other."""
    design, variance = comparison.design, known.variance
    plain = normal_mde(n_control, variance, variance, design)
    if not known.zeros or comparison.margin is not None:
        return plain

    def missing(difference: float) -> float:
        moved = _variance_of_treatment(known, comparison, difference, up=up)
        return design.power - normal_power(n_control, difference, variance, moved, design)

    return find_root(missing, 0.0, _FAR * plain)


def _share_mde(known: Known, comparison: Comparison, n_control: float, *, up: bool) -> float | None:
    """By the formula that sizes are computed with, so that the one follows from the other."""
    rate = known.value if up else 1 - known.value  # a fall is a rise of the complement
    design = comparison.design

    def missing(difference: float) -> float:
        moved = min(rate + difference, 1.0)
        return design.power - proportions_power_pooled(n_control, rate, moved, design)

    return find_root(missing, 0.0, 1 - rate) if missing(1 - rate) < 0 else None


def _hazard_ratio(known: Known, moved: float) -> float:
    """Under proportional hazards, from the shares with an event by the end of the window."""
    return math.log1p(-_inside(moved)) / math.log1p(-_inside(known.value))


def _inside(share: float) -> float:
    return min(max(share, _NEARLY), 1 - _NEARLY)


def _hazard_units(known: Known, comparison: Comparison, moved: float) -> float:
    """Units of control until there are enough events in both variants."""
    if moved == known.value:
        return float("inf")
    events = events_schoenfeld(_hazard_ratio(known, moved), comparison.design)
    return events / (known.value + comparison.design.ratio * moved)


def _hazard_power(known: Known, comparison: Comparison, n_control: float, moved: float) -> float:
    if moved == known.value:
        return 0.0
    events = n_control * (known.value + comparison.design.ratio * moved)
    return power_schoenfeld(events, _hazard_ratio(known, moved), comparison.design)


def _hazard_mde(
    known: Known, comparison: Comparison, n_control: float, *, up: bool
) -> float | None:
    """The smallest change of the share at the end that a comparison of whole curves finds."""
    room = 1 - known.value if up else known.value

    def missing(difference: float) -> float:
        moved = known.value + (difference if up else -difference)
        return comparison.design.power - _hazard_power(known, comparison, n_control, moved)

    return find_root(missing, 0.0, room) if missing(room) < 0 else None
