"""A whole campaign, invented: who is assigned, what they buy, and what is true of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abtest.analysis.simulation.baselines import as_planned, told
from abtest.analysis.simulation.buyers import Habits, draw_buyers, draw_future, draw_past
from abtest.analysis.simulation.calendar import Calendar
from abtest.analysis.simulation.tables import Campaign, tables_of
from abtest.analysis.simulation.truth import Levers, Truth
from abtest.assignment import assign
from abtest.errors import DataError
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.sources.duckdb_write import Ids
from abtest.sources.tables import AssignmentsTable
from abtest.spec.assignable import experiment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.simulation.baselines import Planned
    from abtest.analysis.simulation.buyers import Floats
    from abtest.analysis.simulation.effects import Effect
    from abtest.analysis.simulation.tables import Columns
    from abtest.assignment import Assignment
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.layers import Layers

_HOUSEHOLD = 2.5  # customers of a cluster, on average


@dataclass(frozen=True, slots=True)
class Simulated:
    """An invented campaign.

    Attributes:
        as_of: The date from which every unit counts on every metric.
        tables: Columns by table: ``assignments``, ``customers`` and each stream.
        truth: Values and lifts by metric and variant, and how they were made.
        baselines: What the plan says is normal, beside what the customers have.
    """

    as_of: str
    tables: dict[str, Columns]
    truth: dict[str, Any]
    baselines: tuple[Planned, ...] = ()


def simulate(  # noqa: PLR0913 - each is a choice of the person who asks
    spec: Spec,
    effects: Sequence[Effect] = (),
    *,
    customers: int,
    seed: int,
    layers: Layers | None = None,
    habits: Habits | None = None,
) -> Simulated:
    """Invent a campaign with a known truth.

    Customers are buyers of the Pareto/NBD model, as far as it can with the baselines of the spec's
    plan. They come evenly over the enrolment, are split by
    the spec's own hash, and from then on the effect moves their pace or their baskets. Orders,
    refunds and redemptions are written with the columns and the lags of the spec.

    Args:
        spec: The experiment; its split, windows, lags and schedule are its own.
        effects: What the variants do. Without any there is no difference: an A/A test.
        customers: How many customers come, at least 1.
        seed: Where chance starts; the same seed gives the same campaign.
        layers: The layers and the holdout that the experiment shares with others.
        habits: What the customers are like.

    Returns:
        The tables and the truth.

    Raises:
        DataError: The spec has what cannot be invented, its plan has a baseline that no customers
            have, or an effect has no lever.
        SpecError: The spec cannot assign units one by one.
    """
    _refuse(spec, customers)
    random = np.random.default_rng(seed)
    calendar = Calendar(spec)
    anchor = calendar.anchors(customers, random)
    buyers = draw_buyers(anchor, habits or Habits(), random)
    buyers = as_planned(spec, buyers, calendar.midnights(anchor))
    past = draw_past(buyers, random)
    last = np.full(customers, -np.inf)
    np.maximum.at(last, past.buyer, past.at)
    truth = Truth(spec, buyers, calendar.midnights(anchor), last)
    planned = told(spec, truth)
    levers = _levers(spec, truth, effects)
    units = Ids("C", np.arange(1, customers + 1))
    clusters = None if spec.cluster is None else _clusters(customers, random)
    assigned = _assigned(spec, layers, units if clusters is None else clusters, calendar, anchor)
    mine = [levers.get(one.variant or "", Levers()) for one in assigned]
    pace = np.array([lever.pace for lever in mine])
    basket = np.array([lever.basket for lever in mine])
    orders = past + draw_future(buyers, calendar.until, pace, basket, random)
    campaign = Campaign(spec, calendar, buyers, units, clusters, assigned, orders)
    return Simulated(
        calendar.as_of.isoformat(),
        tables_of(campaign, random),
        {
            "seed": seed,
            "customers": customers,
            "metrics": _known(spec, truth, levers),
            "baselines": [asdict(one) for one in planned],
        },
        planned,
    )


def _clusters(count: int, random: np.random.Generator) -> Ids:
    """The household of each customer."""
    households = max(round(count / _HOUSEHOLD), 1)
    return Ids("H", random.integers(1, households + 1, count))


def _refuse(spec: Spec, customers: int) -> None:
    if customers < 1:
        raise DataError(f"customers is {customers}; it must be at least 1")
    if spec.control is None:
        raise DataError("the spec has no control, so there is no effect to invent")
    if spec.unit is None or not isinstance(spec.data.assignments, AssignmentsTable):
        raise DataError(
            "only experiments with assignments and event logs can be simulated",
            "Give the spec data.assignments and data.events.",
        )
    for metric in spec.metrics:
        if not isinstance(metric, EventMetric | RatioMetric) or metric.kind in ("survey", "crr"):
            raise DataError(
                f"metric {metric.key} is a {metric.kind}, which cannot be invented",
                "Take it out of the spec to simulate the rest.",
            )


def _assigned(
    spec: Spec, layers: Layers | None, hashed: Ids, calendar: Calendar, anchor: Floats
) -> list[Assignment]:
    """What each customer gets, by the spec's own hash and phases."""
    experiment = experiment_of(spec, layers)
    moments = calendar.moments(anchor)
    return [
        assign(experiment, unit, at=at) for unit, at in zip(hashed.texts(), moments, strict=True)
    ]


def _levers(spec: Spec, truth: Truth, effects: Sequence[Effect]) -> dict[str, Levers]:
    """What each treatment does. Paces come first: a sum depends on how many orders there are."""
    by_key = {metric.key: metric for metric in spec.metrics}
    levers = {}
    for variant in spec.treatments:
        mine = [effect for effect in effects if effect.variant in (None, variant.key)]
        mine.sort(key=lambda effect: _lever(by_key[effect.metric]) == "basket")
        _refuse_one_lever_twice(variant.key, [by_key[effect.metric] for effect in mine])
        known = Levers()
        for effect in mine:
            metric = by_key[effect.metric]
            known = truth.levers_for(metric, effect.change, relative=effect.relative, known=known)
        levers[variant.key] = known
    return levers


def _lever(metric: Metric) -> str:
    return "basket" if metric.kind in ("sum", "ratio") else "pace"


def _refuse_one_lever_twice(variant: str, metrics: Sequence[Metric]) -> None:
    moved: dict[str, str] = {}
    for metric in metrics:
        lever = _lever(metric)
        if moved.get(lever) == metric.key:
            raise DataError(
                f"two effects on {metric.key} of {variant} are asked for", "Leave one of them out."
            )
        if lever in moved:
            raise DataError(
                f"effects on {moved[lever]} and {metric.key} both move the {lever} of {variant}",
                "Ask for one of them: the other follows, and truth.json says what it is.",
            )
        moved[lever] = metric.key


def _known(spec: Spec, truth: Truth, levers: Mapping[str, Levers]) -> list[dict[str, Any]]:
    """What is true, metric by metric and treatment by treatment."""
    return [
        {
            "metric": metric.key,
            "variant": variant,
            **_effect(truth.value(metric, Levers()), truth.value(metric, lever)),
            "pace": lever.pace,
            "basket": lever.basket,
        }
        for metric in spec.metrics
        for variant, lever in levers.items()
    ]


def _effect(control: float | None, value: float | None) -> dict[str, float | None]:
    """Values, difference and lift; None where the metric has no closed form."""
    found = {"value_control": control, "value": value, "difference": None, "lift": None}
    if control is None or value is None:
        return found
    lift = value / control - 1 if control else None
    return {**found, "difference": value - control, "lift": lift}
