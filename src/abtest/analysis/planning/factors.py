"""What effects of factors need: main effects use all cells, interactions about four times those."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from abtest.analysis.planning.comparisons import POWER
from abtest.stats.power.design import Design
from abtest.stats.power.normal import normal_mde, normal_power, normal_size
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.planning.baselines import Known
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

Kind = Literal["main", "interaction"]


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """The effect of a level of one factor, or how much it depends on the level of another.

    Attributes:
        kind: Which of them.
        name: ``main:gift``, or ``interaction:discount_pct*gift``.
        sides: Into how many sides of as many units each the enrolled are divided: the levels of
            the factor, or the pairs of levels of two.
        terms: How many means of sides the effect is made of: 2 for a difference, 4 for a
            difference of differences.
        design: Error rates of one such effect, after correction.
    """

    kind: Kind
    name: str
    sides: int
    terms: int
    design: Design

    def units(self, known: Known, difference: float) -> float:
        """Units in all cells, with an outcome, that an effect needs."""
        variance = _variance(known) * self.terms / 2
        return self.sides * normal_size(difference, variance, variance, self.design)

    def power(self, known: Known, units: float, difference: float) -> float:
        """The chance of finding an effect with so many units in all cells."""
        variance = _variance(known) * self.terms / 2
        return normal_power(units / self.sides, difference, variance, variance, self.design)

    def mde(self, known: Known, units: float) -> float:
        """The smallest effect that so many units in all cells find."""
        variance = _variance(known) * self.terms / 2
        return normal_mde(units / self.sides, variance, variance, self.design)


def factor_effects(spec: Spec, metric: Metric) -> tuple[FactorEffect, ...]:
    """The effects that the analysis of a factorial design tests beside its cells.

    Each kind of effect of each role is a family by Holm's procedure, counted here by Bonferroni:
    main effects, interactions. There are none for one factor, whose cells are its effects, for
    curves, for guardrails (which are held cell by cell), and under a sequential plan.
    """
    factors = spec.factors
    if factors is None or len(factors.order) < 2 or spec.analysis.sequential is not None:
        return ()
    if metric.summary is LifeTable or metric.role == "guardrail":
        return ()
    levels = {name: len(factors.levels[name]) for name in factors.order}
    found = [*_mains(levels), *_interactions(levels)]
    metrics = sum(other.role == metric.role for other in spec.metrics)
    power = spec.plan.power if spec.plan is not None else POWER
    family = {
        "main": sum(count - 1 for count in levels.values()),
        "interaction": sum(
            (levels[one] - 1) * (levels[other] - 1)
            for one, other in itertools.combinations(levels, 2)
        ),
    }
    return tuple(
        replace(effect, design=Design(_each(spec, metric, metrics * family[effect.kind]), power))
        for effect in found
    )


def _each(spec: Spec, metric: Metric, comparisons: int) -> float:
    """The error rate of one effect: exploratory ones bound the false discovery rate instead."""
    alpha = spec.analysis.alpha
    return alpha if metric.role == "exploratory" else alpha / comparisons


def _mains(levels: dict[str, int]) -> Iterator[FactorEffect]:
    for name, count in levels.items():
        yield FactorEffect("main", f"main:{name}", count, 2, Design())


def _interactions(levels: dict[str, int]) -> Iterator[FactorEffect]:
    for one, other in itertools.combinations(levels, 2):
        pairs = levels[one] * levels[other]
        yield FactorEffect("interaction", f"interaction:{one}*{other}", pairs, 4, Design())


def _variance(known: Known) -> float:
    """Of one unit: effects of factors are not adjusted for history."""
    return known.variance * known.effect
