"""The decision in money in replays: what units brought is dealt out anew, and the truth is known.

What a planted effect does to money: where it is on a share, a unit that changes takes over the
money of a unit drawn from the side that it joins; where it is on a count, a sum or a mean of what
the decision values, money moves by the same share. Other effects leave money as it was. Costs are
those of the spec's variants, so that an offer that does nothing loses what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abtest.analysis.money.facts import EVENTS, USED, MoneyFound, hidden_keys, unit_amounts
from abtest.analysis.money.terms import terms_of
from abtest.analysis.money.worth import cost_of_change, money_of
from abtest.analysis.readings import OBSERVED
from abtest.analysis.rehearsal.unit_sums import UnitSums
from abtest.analysis.summaries import MetricCounts
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.stats.adjustment.co_moments import Columns, from_arrays
from abtest.stats.money import measures as m
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import narwhals as nw

    from abtest.analysis.money.result import Money
    from abtest.analysis.money.terms import Terms
    from abtest.analysis.rehearsal.effects import Planted
    from abtest.analysis.rehearsal.outcomes import Outcome
    from abtest.analysis.rehearsal.unit_sums import Floats, Places
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.spec.analysis import DecisionBlock

GROSS, BASE = m.GROSS, m.BASE


@dataclass(frozen=True, slots=True)
class Amounts:
    """What past units brought and used within the horizon.

    Attributes:
        observed: Whether all of it is known of a unit.
        gross: Contribution before the costs of an offer.
        used: Redemptions.
        base: What a percentage of orders is of.
        redeemed: The share of orders that is taken to redeem, where the past has no redemptions;
            None where it has them, or nothing is redeemed.
    """

    observed: npt.NDArray[np.bool_]
    gross: Floats
    used: Floats
    base: Floats
    redeemed: float | None = None


def money_expressions(spec: Spec, read: Collection[str]) -> dict[str, nw.Expr]:
    """What has to be read of each unit; nothing where money is not asked for or not in the past.

    Args:
        spec: The experiment.
        read: The metrics that can be read off the past, hidden ones among them.
    """
    keys = hidden_keys(spec) & set(read)
    revenue = {key for key in hidden_keys(spec) if "-revenue-" in key or "-goods-" in key}
    return unit_amounts(spec, keys) if keys and revenue <= keys else {}


def amounts_of(
    spec: Spec, read: Collection[str], columns: Mapping[str, Floats], redeemed: float
) -> Amounts:
    """The amounts of past units.

    Args:
        spec: The experiment.
        read: The metrics that were read, hidden ones among them.
        columns: What `money_expressions` became, by name.
        redeemed: The share of a treatment's orders that redeems, where the past cannot say it.
    """
    observed = columns["state"] == OBSERVED
    known = {name: np.where(observed, columns[name], 0.0) for name in columns}
    used, base = known[USED], known[BASE]
    unseen = _redeems(spec) and not any("-used-" in key for key in read)
    if unseen:
        used = known[EVENTS] * redeemed
        base = base * redeemed if _says_value(spec) else base
    return Amounts(observed, known[GROSS], used, base, redeemed if unseen else None)


def _redeems(spec: Spec) -> bool:
    return spec.decision is not None and spec.decision.redemptions is not None


def _says_value(spec: Spec) -> bool:
    """Whether redemptions say of which value they took a percentage."""
    stream = spec.decision.redemptions if spec.decision is not None else None
    table = spec.data.events.get(stream or "")
    return table is not None and table.value is not None


@dataclass(frozen=True, slots=True)
class Moved:
    """Units whose money is that of others in a replay, where they are treated.

    Attributes:
        places: Which units.
        donors: Whose money each of them has.
    """

    places: Places
    donors: Places


@dataclass(frozen=True)
class MoneyReplay:
    """Decides in money on units that were dealt out anew, and knows what is true.

    Attributes:
        spec: The experiment.
        amounts: What its units brought.
        columns: What the analysis adjusts for; None where it does not.
        history: Its values, one row per unit.
        shares: Effects on shares, with the outcome that each moves.
        scale: What multiplies the money of the treated: effects on what the decision values.
    """

    spec: Spec
    amounts: Amounts
    columns: Columns | None
    history: Floats
    shares: tuple[tuple[Planted, Outcome], ...] = ()
    scale: float = 1.0

    @cached_property
    def _decision(self) -> DecisionBlock:
        if self.spec.decision is None:
            raise TypeError("money is replayed where there is a decision in money")
        return self.spec.decision

    @property
    def population(self) -> int | None:
        """For how many units a decision is; None where worth is per unit."""
        return self._decision.population

    @cached_property
    def _terms(self) -> Terms:
        return terms_of(self.spec, self._decision)

    @cached_property
    def _control(self) -> str:
        return self.spec.control.key if self.spec.control is not None else ""

    def _contribution(self, variant: str) -> Floats:
        """What each unit would contribute in a variant, before it moves."""
        one, terms = self.amounts, self._terms
        cost = one.used * terms.per_redemption[variant] + one.base * terms.share_of_order[variant]
        scale = 1.0 if variant == self._control else self.scale
        return np.asarray((one.gross - cost) * scale - terms.exposure[variant])

    @cached_property
    def _by_variant(self) -> dict[str, tuple[Floats, UnitSums]]:
        found = {}
        for variant in self.spec.variants or ():
            values = self._contribution(variant.key)
            rows = np.column_stack([values, self.history])
            found[variant.key] = values, UnitSums(rows, self.amounts.observed)
        return found

    def moved(self, changed: Sequence[Places], random: np.random.Generator) -> Moved:
        """Whose money the units have that an effect on a share has changed.

        Args:
            changed: The units that changed, for each of `shares`.
            random: Where chance comes from.
        """
        units = np.arange(len(self.amounts.gross))
        source = units.copy()
        for places, (planted, outcome) in zip(changed, self.shares, strict=True):
            _, pool = self._sides(planted, outcome)
            if len(places) and len(pool):
                source[places] = random.choice(pool, len(places))
        places = np.flatnonzero((source != units) & self.amounts.observed)
        return Moved(places, source[places])

    def _sides(self, planted: Planted, outcome: Outcome) -> tuple[Places, Places]:
        """The units that an effect may change, and those on the side that they join."""
        known = outcome.observed & self.amounts.observed
        without, having = (np.flatnonzero(known & (outcome.y == side)) for side in (0.0, 1.0))
        return (having, without) if planted.lift < 0 else (without, having)

    def money(self, places: Mapping[str, Places], moved: Moved) -> Money | None:
        """What the analysis finds about money.

        Args:
            places: The units of each variant.
            moved: Units whose money is that of others where they are treated.
        """
        profit = {variant: self._counts(variant, mine, moved) for variant, mine in places.items()}
        found = MoneyFound(
            terms=self._terms,
            horizon=self._terms.horizon,
            asked=self._terms.horizon,
            profit=profit,
            amounts={},
            stretches=(),
            by_stretch={},
            by_part={},
        )
        return money_of(self.spec, found)

    def _counts(self, variant: str, places: Places, moved: Moved) -> MetricCounts:
        values, sums = self._by_variant[variant]
        added = None
        if variant != self._control and len(moved.places):
            treated = np.zeros(len(values), dtype=bool)
            treated[places] = True
            here = treated[moved.places]
            mine = moved.places[here]
            other = np.column_stack([values[moved.donors[here]], self.history[mine]])
            added = sums.change(mine, other).sum(axis=0)
        n, means, products = sums.of(places, added)
        summary = Moments(n, float(means[0]), float(products[0, 0]))
        parts = {}
        if self.columns is not None:
            named = Columns(("y",), self.columns.covariates, self.columns.missing)
            parts[""] = from_arrays(named, n, means, products)
        return MetricCounts(0, 0, len(places) - n, summary, parts)

    def truth(self) -> dict[str, float]:
        """By how much each treatment really changes the contribution of a unit, on average."""
        known = self.amounts.observed
        control = self._contribution(self._control)[known].mean()
        found = {}
        for variant in self.spec.treatments:
            values = self._contribution(variant.key)
            expected = values.copy()
            for planted, outcome in self.shares:
                stay, join = self._sides(planted, outcome)
                if len(join):
                    chance = planted.chance
                    expected[stay] *= 1 - chance
                    expected[stay] += chance * values[join].mean()
            found[variant.key] = float(expected[known].mean() - control)
        return found

    def worth(self) -> dict[str, float]:
        """What launching each treatment is really worth: over the population where there is one."""
        people = self._decision.population
        found = {}
        for variant, difference in self.truth().items():
            once = cost_of_change(self._decision, self._terms, self._control, variant)
            found[variant] = difference if people is None else people * difference - once
        return found


def money_replay(
    spec: Spec,
    amounts: Amounts | None,
    outcomes: Sequence[Outcome],
    known: tuple[Columns | None, Floats],
    planted: Sequence[Planted],
) -> MoneyReplay | None:
    """What replays the decision in money; None where there is none, or the past does not say it.

    Args:
        spec: The experiment.
        amounts: What its units brought.
        outcomes: What they did.
        known: What the analysis adjusts for, and its values.
        planted: The effects in all treatments.
    """
    if amounts is None:
        return None
    by_key = {outcome.metric: outcome for outcome in outcomes}
    shares = tuple(
        (one, by_key[one.metric]) for one in planted if by_key[one.metric].summary is Proportion
    )
    metrics = {metric.key: metric for metric in spec.metrics}
    scale = 1.0
    for one in planted:
        if _is_of_money(spec, metrics[one.metric], metrics):
            scale *= 1 + one.lift
    return MoneyReplay(spec, amounts, *known, shares, scale)


def _is_of_money(spec: Spec, metric: Metric, metrics: Mapping[str, Metric]) -> bool:
    """Whether a metric adds up what the decision values."""
    value = spec.decision.value if spec.decision is not None else None
    if value is None or metric.summary is Proportion:
        return False
    if isinstance(metric, RatioMetric):
        top = metrics.get(metric.numerator)
        return metric.numerator == value.column if top is None else _is_of_money(spec, top, metrics)
    if isinstance(metric, EventMetric):
        return metric.kind in ("sum", "count") and metric.events == value.events
    return value.column is not None and getattr(metric, "column", None) == value.column
