"""What the methods on life tables have in common: their horizon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from abtest.methods.base import MethodBase
from abtest.sentences import sentence
from abtest.stats.absent import without_inference
from abtest.stats.comparison import Estimate
from abtest.stats.survival.incidence import incidence_estimate
from abtest.stats.survival.life_table import LifeTable, common_horizon

if TYPE_CHECKING:
    from collections.abc import Callable

    from abtest.stats.comparison import Comparison

    Compared = Callable[[LifeTable, LifeTable, float, float], Comparison]
    Estimated = Callable[[LifeTable, float, float], Estimate]

Horizon = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SurvivalMethod(MethodBase):
    """A method that takes life tables."""

    takes: ClassVar[type[LifeTable]] = LifeTable


def at_horizon(
    compared: Compared,
    tables: tuple[LifeTable, LifeTable],
    horizon: float | None,
    ci_level: float,
    method: str,
) -> Comparison:
    """Compare (control, treatment) at a horizon, or as far as both are followed.

    Raises:
        ValueError: ``ci_level`` is no coverage.
    """
    if horizon is not None:
        return compared(*tables, horizon, ci_level)
    end = common_horizon(tables)
    if not end:
        note = sentence("a variant has no units that were followed for any time")
        return without_inference(None, None, ci_level=ci_level, method=method, note=note)
    result = compared(*tables, end, ci_level)
    note = sentence(
        "no horizon was set: read at {end:g}, as far as both variants are followed", end=end
    )
    return replace(result, notes=(*result.notes, note))


def estimate_at(
    estimated: Estimated, table: LifeTable, horizon: float | None, ci_level: float
) -> Estimate:
    """One variant at a horizon, or as far as it is followed.

    Raises:
        ValueError: ``ci_level`` is no coverage.
    """
    end = table.last if horizon is None else horizon
    return estimated(table, end, ci_level) if end else Estimate(None, None, "none")


def incidence_at_the_end(table: LifeTable, ci_level: float) -> Estimate:
    """The share with an event as far as the variant is followed: what a test of curves shows.

    Raises:
        ValueError: ``ci_level`` is no coverage.
    """
    return estimate_at(incidence_estimate, table, None, ci_level)
