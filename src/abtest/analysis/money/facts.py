"""What each unit brought and cost within the horizon, as sums per variant.

The streams are read as hidden metrics, by the same machinery as every other metric; one row per
unit is then turned into amounts of money, of which only moments and co-moments leave the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import narwhals as nw

from abtest.analysis.covariates import history_column
from abtest.analysis.facts import Facts
from abtest.analysis.money.horizon import reached, stretches_of
from abtest.analysis.money.segments import halved_segments, with_halves
from abtest.analysis.money.terms import Terms, terms_of
from abtest.analysis.readings import Reading
from abtest.analysis.streams import VARIANT, with_other_value
from abtest.analysis.summaries import Wish, summarize
from abtest.metrics.count import CountMetric
from abtest.metrics.mean import MeanMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.window import Window
from abtest.sources.tables import Value
from abtest.stats.adjustment.co_moments import Columns
from abtest.stats.money import measures as m
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from abtest.analysis.clock import Cutoff
    from abtest.analysis.money.segments import HalvedSegments
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import MetricCounts
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

REVENUE, GOODS, EVENTS, USED, USED_VALUE = "revenue", "goods", "events", "used", "used_value"
AMOUNTS = (m.INCENTIVE, REVENUE, m.BOUGHT, m.BOTH, m.REDEMPTIONS, m.BASE)
"""The amounts whose joint moments are taken, beside the gross contribution."""
BEFORE, AFTER, BOUGHT_AFTER = "before", "after", "bought_after"


@dataclass(frozen=True, slots=True)
class MoneyFound:
    """What was counted.

    Attributes:
        terms: What each variant costs, and how revenue becomes contribution.
        horizon: Over which time; None for one row per unit.
        asked: The horizon that the spec asks for.
        profit: Each variant's contribution after costs, with its covariates.
        amounts: Each variant's gross contribution, jointly with `AMOUNTS`.
        stretches: Start and end of each stretch of time.
        by_stretch: Contribution by stretch and variant.
        by_part: Contribution while the incentive could be used (``BEFORE``) and later (``AFTER``),
            and whether a unit bought later (``BOUGHT_AFTER``), by variant; empty without a later
            part.
        by_segment: Contribution by declared segment and half of the units.
    """

    terms: Terms
    horizon: timedelta | None
    asked: timedelta | None
    profit: Mapping[str, MetricCounts]
    amounts: Mapping[str, MetricCounts]
    stretches: tuple[tuple[timedelta, timedelta], ...]
    by_stretch: Mapping[tuple[int, str], MetricCounts]
    by_part: Mapping[tuple[str, str], MetricCounts]
    by_segment: tuple[HalvedSegments, ...] = ()


def value_columns(spec: Spec) -> tuple[Metric, ...]:
    """The columns of one row per unit that a decision in money reads, as the metrics they are."""
    decision = spec.decision
    if decision is None or decision.value is None or decision.value.column is None:
        return ()
    goods = decision.unit_cost.column if decision.unit_cost is not None else None
    named = {REVENUE: decision.value.column, GOODS: goods, USED: decision.redemptions}
    return tuple(
        MeanMetric(key=_key(what, 0), kind="mean", column=column)
        for what, column in named.items()
        if column is not None
    )


def of_values(spec: Spec) -> Spec:
    """The same experiment with the columns of money for metrics."""
    return spec.model_copy(update={"metrics": value_columns(spec)})


def with_money_columns(spec: Spec) -> Spec:
    """The same experiment with the hidden metrics of the whole horizon after its own."""
    decision = spec.decision
    if decision is None or decision.value is None:
        return spec
    terms = terms_of(spec, decision)
    metrics = value_columns(spec)
    if decision.value.column is None:
        window = Window(
            start=timedelta(0), end=terms.horizon or timedelta(0), calendar=terms.calendar
        )
        metrics = tuple(_metrics(spec, terms, window, 0))
    changed = _hidden_spec(spec, _Hidden(terms, metrics, terms.horizon))
    return changed.model_copy(update={"metrics": (*spec.metrics, *metrics)})


def unit_amounts(spec: Spec, read: Collection[str]) -> dict[str, nw.Expr]:
    """What a unit brought and used in the whole horizon, whatever its variant costs.

    Args:
        spec: The experiment.
        read: The hidden metrics that were read.

    Returns:
        Gross contribution, redemptions, what a percentage is of, and events (where revenue is a
        column, whether there was any), by name, and under ``state`` whether all of it is known.
    """
    if spec.decision is None:
        return {}
    terms = terms_of(spec, spec.decision)
    return _Amounts(spec, _Hidden(terms, (), terms.horizon), set(read)).plain()


def hidden_keys(spec: Spec) -> set[str]:
    """The keys of the hidden metrics of the whole horizon."""
    own = {metric.key for metric in spec.metrics}
    return {metric.key for metric in with_money_columns(spec).metrics} - own


def read_money(
    spec: Spec, engine: Engine, population: Population, cutoff: Cutoff | None
) -> MoneyFound | None:
    """Count what each unit brought and cost; None where money is not asked for or not yet there.

    Args:
        spec: The experiment.
        engine: Where its tables are.
        population: Who is analysed.
        cutoff: Up to when the data are complete; None for tables without times.
    """
    if spec.decision is None or spec.decision.value is None or spec.control is None:
        return None
    terms = terms_of(spec, spec.decision)
    if spec.decision.value.column is not None:
        return _read(spec, engine, population, cutoff, _Hidden(terms, value_columns(spec), None))
    seen = reached(spec, engine, population, cutoff, terms)
    if seen is None:
        return None
    return _read(spec, engine, population, cutoff, _of_events(spec, terms, seen))


@dataclass(frozen=True, slots=True)
class _Hidden:
    """The hidden metrics, and the stretches of time that they count in."""

    terms: Terms
    metrics: tuple[Metric, ...]
    horizon: timedelta | None
    stretches: tuple[tuple[timedelta, timedelta], ...] = ()
    until: timedelta | None = None

    @property
    def before(self) -> int:
        """The place of what happens while the incentive can be used; what follows is the next."""
        return len(self.stretches) + 1

    @property
    def places(self) -> range:
        """The places of the whole horizon, of its stretches and of its two parts."""
        return range(self.before + (0 if self.until is None else 2))


def _key(what: str, place: int) -> str:
    """The key of a hidden metric: of the whole horizon (0), or of a stretch of it (from 1)."""
    return f"money-{what}-{place}"


def _of_events(spec: Spec, terms: Terms, horizon: timedelta) -> _Hidden:
    stretches = tuple(stretches_of(horizon))
    until = terms.until if terms.until is not None and terms.until < horizon else None
    windows = [(timedelta(0), horizon), *stretches]
    if until is not None:
        windows += [(timedelta(0), until), (until, horizon)]
    metrics = tuple(
        metric
        for place, (start, end) in enumerate(windows)
        for metric in _metrics(
            spec, terms, Window(start=start, end=end, calendar=terms.calendar), place
        )
    )
    return _Hidden(terms, metrics, horizon, stretches, until)


def _metrics(spec: Spec, terms: Terms, window: Window, place: int) -> Iterator[Metric]:
    events = terms.events or ""

    def total(what: str, stream: str) -> Metric:
        return SumMetric(key=_key(what, place), kind="sum", events=stream, window=window)

    def number(what: str, stream: str) -> Metric:
        return CountMetric(key=_key(what, place), kind="count", events=stream, window=window)

    yield total(REVENUE, events)
    yield number(EVENTS, events)
    if terms.goods_column is not None:
        yield total(GOODS, with_other_value(events, GOODS))
    if terms.redemptions is not None:
        yield number(USED, terms.redemptions)
        if spec.data.events[terms.redemptions].value is not None:
            yield total(USED_VALUE, terms.redemptions)


def _hidden_spec(spec: Spec, hidden: _Hidden) -> Spec:
    """The same experiment with the hidden metrics for metrics."""
    data, column = spec.data, hidden.terms.goods_column
    events = hidden.terms.events
    if column is not None and events is not None:
        # What was taken off an order's price was not taken off what its goods cost.
        goods = data.events[events].model_copy(update={"value": Value(column=column), "net": None})
        streams = {**data.events, with_other_value(events, GOODS): goods}
        data = data.model_copy(update={"events": streams})
    return spec.model_copy(update={"metrics": hidden.metrics, "data": data})


def _read(
    spec: Spec, engine: Engine, population: Population, cutoff: Cutoff | None, hidden: _Hidden
) -> MoneyFound:
    population = with_halves(spec, engine, population)
    facts = Facts(_hidden_spec(spec, hidden), engine, population, cutoff)
    variants = [variant.key for variant in spec.variants or ()]
    keys = {metric.key for metric in hidden.metrics}
    amounts = _Amounts(spec, hidden, keys)
    places = hidden.places
    frame = facts.frame().with_columns(*amounts.state(), *(amounts.profit(i) for i in places))
    frame = engine.materialize(frame.with_columns(*amounts.joint(), *amounts.bought_after()))
    stratified = population.stratified
    profit = [_reading(place) for place in places]
    if hidden.until is not None:
        profit.append(Reading(BOUGHT_AFTER, _NOBODY, Moments))
    found = summarize(
        engine, frame, profit, Wish(variants, history=facts.history, stratified=stratified)
    ).summaries
    wish = Wish(variants, history=Columns((m.GROSS,), AMOUNTS), stratified=stratified)
    gross = Reading(m.GROSS, _NOBODY, Moments)
    joint = summarize(engine, frame, [gross], wish).summaries
    return MoneyFound(
        terms=hidden.terms,
        horizon=hidden.horizon,
        asked=hidden.terms.horizon,
        profit={variant: found["profit-0", variant] for variant in variants},
        amounts={variant: joint[m.GROSS, variant] for variant in variants},
        stretches=hidden.stretches,
        by_stretch={
            (place, variant): found[f"profit-{place + 1}", variant]
            for place in range(len(hidden.stretches))
            for variant in variants
        },
        by_part={
            (part, variant): found[name, variant]
            for part, name in _parts(hidden).items()
            for variant in variants
        },
        by_segment=halved_segments(spec, engine, frame, _reading(0), population),
    )


def _parts(hidden: _Hidden) -> dict[str, str]:
    """The readings of the two parts of the horizon."""
    if hidden.until is None:
        return {}
    before, after = f"profit-{hidden.before}", f"profit-{hidden.before + 1}"
    return {BEFORE: before, AFTER: after, BOUGHT_AFTER: BOUGHT_AFTER}


_NOBODY = MeanMetric(key="money", kind="mean")


def _reading(place: int) -> Reading:
    return Reading(f"profit-{place}", _NOBODY, Moments)


class _Amounts:
    """The amounts of money of a unit, as expressions over what was counted."""

    def __init__(self, spec: Spec, hidden: _Hidden, keys: set[str]) -> None:
        self._hidden = hidden
        self._terms = hidden.terms
        self._keys = keys
        self._variants = [variant.key for variant in spec.variants or ()]

    def state(self) -> Iterator[nw.Expr]:
        """Where each unit stands: it counts where everything about it is known."""
        state = self._known()
        yield state.alias(f"{m.GROSS}!state")
        places = {int(key.rpartition("-")[2]) for key in self._keys}
        yield from (state.alias(f"profit-{place}!state") for place in sorted(places))
        if self._hidden.until is not None:
            yield state.alias(f"{BOUGHT_AFTER}!state")

    def profit(self, place: int) -> nw.Expr:
        """Contribution after all costs, within one stretch; exposure is paid in the first."""
        profit = self._gross(place) - self._incentive(place)
        if place in (0, 1, self._hidden.before):
            profit = profit - self._per_variant(self._terms.exposure)
        return profit.alias(f"profit-{place}!y")

    def plain(self) -> dict[str, nw.Expr]:
        """The amounts of the whole horizon before anything that depends on the variant."""
        return {
            "state": self._known(),
            m.GROSS: self._gross(0),
            USED: self._what(USED, 0),
            m.BASE: self._base(0),
            EVENTS: self._what(EVENTS, 0) if _key(EVENTS, 0) in self._keys else self._bought(),
        }

    def bought_after(self) -> Iterator[nw.Expr]:
        """Whether a unit bought after the incentive had ended."""
        if self._hidden.until is not None:
            events = self._what(EVENTS, self._hidden.before + 1)
            bought = nw.when(events > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
            yield bought.alias(f"{BOUGHT_AFTER}!y")

    def joint(self) -> Iterator[nw.Expr]:
        """The amounts of the whole horizon, by the names that the co-moments use."""
        bought, used = self._bought(), self._what(USED, 0)
        redeemed = nw.when(used > 0).then(bought).otherwise(nw.lit(0.0))
        amounts = {
            m.INCENTIVE: self._incentive(0),
            REVENUE: self._what(REVENUE, 0),
            m.BOUGHT: bought,
            m.BOTH: redeemed,
            m.REDEMPTIONS: used,
            m.BASE: self._base(0),
        }
        yield self._gross(0).alias(f"{m.GROSS}!y")
        for name, amount in amounts.items():
            yield amount.cast(nw.Float64).alias(history_column(name))

    def _known(self) -> nw.Expr:
        """The state of a unit: the least of all that was counted."""
        states = [nw.col(f"{key}!state") for key in sorted(self._keys)]
        # The least of one column is no question that every engine answers.
        return nw.min_horizontal(*states) if len(states) > 1 else states[0]

    def _what(self, what: str, place: int) -> nw.Expr:
        key = _key(what, place)
        return nw.col(f"{key}!y").cast(nw.Float64) if key in self._keys else nw.lit(0.0)

    def _bought(self) -> nw.Expr:
        events = EVENTS if _key(EVENTS, 0) in self._keys else REVENUE
        return nw.when(self._what(events, 0) > 0).then(nw.lit(1.0)).otherwise(nw.lit(0.0))

    def _gross(self, place: int) -> nw.Expr:
        revenue, terms = self._what(REVENUE, place), self._terms
        if terms.goods_column is not None:
            return revenue - self._what(GOODS, place)
        if terms.goods_per_event is not None:
            return revenue - self._what(EVENTS, place) * terms.goods_per_event
        return revenue * terms.margin

    def _base(self, place: int) -> nw.Expr:
        """The value that a percentage is of: of the redeemed orders where that is known."""
        known = _key(USED_VALUE, place) in self._keys
        return self._what(USED_VALUE if known else REVENUE, place)

    def _incentive(self, place: int) -> nw.Expr:
        used = self._what(USED, place) * self._per_variant(self._terms.per_redemption)
        return used + self._base(place) * self._per_variant(self._terms.share_of_order)

    def _per_variant(self, values: Mapping[str, float]) -> nw.Expr:
        expression = nw.lit(0.0)
        for variant in self._variants:
            if values[variant]:
                here = nw.col(VARIANT) == variant
                expression = nw.when(here).then(nw.lit(values[variant])).otherwise(expression)
        return expression
