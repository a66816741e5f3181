"""The ways in which each metric is read, and what they call the columns of a unit.

A metric has one reading, or two where ``maturity`` asks for both the complete cases and the
survival curve. One with a cap is read once more with each value capped. Each reading gives every
unit a state and, where it is observed, an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import narwhals as nw

from abtest.analysis.method_choice import summary_for
from abtest.methods.bayes import HURDLE
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, EventMetric, one_where
from abtest.metrics.mean import MeanMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.sum import SumMetric
from abtest.stats.summaries import Moments, Proportion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.clock import Cutoff
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.summaries import Summary

# Why a unit counts or does not, one number per unit and reading.
INELIGIBLE, IMMATURE, MISSING, OBSERVED = 0, 1, 2, 3
ELSEWHERE = 4  # it counts in another part of the units
Part: TypeAlias = Literal["paid", "below_zero", "logs"]
PARTS: tuple[Part, ...] = ("paid", "below_zero", "logs")
Maturing: TypeAlias = Literal["before", "since"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric, read in one way.

    Attributes:
        name: The metric's key for its main reading.
        metric: The metric, with this reading only.
        summary: Which sufficient statistics its method takes.
        cap: Where the outcome is capped; with a proportion for summary, the outcome is instead
            whether it was above the cap. None where it is read as it is.
        part: What of the outcome a hurdle model reads; None where it is read whole.
        matured: Which units count: those that had matured by the last look, or since; None for all.
    """

    name: str
    metric: Metric
    summary: type[Summary]
    cap: float | None = None
    part: Part | None = None
    matured: Maturing | None = None

    @property
    def state(self) -> str:
        """The column that says where a unit stands: ineligible, immature, missing or observed."""
        return f"{self.name}!state" if self.matured is None else f"{self.name}!{self.matured}"

    @property
    def y(self) -> str:
        """The column of the outcome; for a ratio its numerator, for a survival curve the time."""
        return f"{self.name}!y"

    @property
    def x(self) -> str:
        """The column of a ratio's denominator, or of whether a time ended in the event."""
        return f"{self.name}!x"

    def of(self, outcome: nw.Expr) -> nw.Expr:
        """The outcome as this reading has it."""
        if self.part == "logs":
            return nw.when(outcome > 0).then(outcome.log()).otherwise(nw.lit(0.0))
        if self.part is not None:
            return one_where(outcome > 0 if self.part == "paid" else outcome < 0)
        if self.cap is None:
            return outcome
        if self.summary is Proportion:
            return one_where(outcome > self.cap)
        return nw.when(outcome > self.cap).then(nw.lit(self.cap)).otherwise(outcome)


@dataclass(frozen=True, slots=True)
class MaturedReadings:
    """What is read once more of the units that matured before, or since, an instant.

    Attributes:
        readings: The readings; each is read of both.
        until: The instant; None where all units matured since.
    """

    readings: tuple[Reading, ...] = ()
    until: Cutoff | None = None


def event_parts(spec: Spec, metric: Metric) -> Iterator[EventMetric]:
    """The metric itself, or for a ratio its parts, as far as they are on events."""
    if isinstance(metric, EventMetric):
        yield metric
    elif isinstance(metric, RatioMetric):
        named = (metric.numerator, metric.denominator)
        yield from (m for m in spec.metrics if m.key in named and isinstance(m, EventMetric))


def readings_of(spec: Spec) -> list[Reading]:
    """Every reading of every metric; a metric's main reading has its key as name."""
    return [
        reading
        for metric in spec.metrics
        for reading in (*_readings(spec, metric), *_capped(spec, metric), *_hurdle(spec, metric))
    ]


def _readings(spec: Spec, metric: Metric) -> list[Reading]:
    if not isinstance(metric, EventMetric):
        return [Reading(metric.key, metric, summary_for(spec, metric))]
    main, *others = metric.readings
    alone = metric.read_as(main)
    readings = [Reading(metric.key, alone, summary_for(spec, alone))]
    for other in others:
        alone = metric.read_as(other)
        readings.append(Reading(other_reading(metric, other), alone, alone.summary))
    return readings


def cap_of(metric: Metric) -> float | None:
    """Where a second reading of the metric caps its values; None where there is none."""
    if not isinstance(metric, MeanMetric | SumMetric) or metric.winsorize is None:
        return None
    return metric.winsorize.cap


def _capped(spec: Spec, metric: Metric) -> list[Reading]:
    """The capped values, and how many units they are."""
    cap = cap_of(metric)
    if cap is None:
        return []
    return [
        Reading(capped_reading(metric), metric, summary_for(spec, metric), cap),
        Reading(above_cap(metric), metric, Proportion, cap),
    ]


def _hurdle(spec: Spec, metric: Metric) -> list[Reading]:
    """Who paid, and the logarithms of how much, for the metrics that have a hurdle model."""
    if spec.analysis.bayes.models.get(metric.key) != HURDLE:
        return []
    return [
        Reading(
            part_reading(metric, part), metric, Moments if part == "logs" else Proportion, part=part
        )
        for part in PARTS
    ]


def part_reading(metric: Metric, part: Part) -> str:
    """The name of the reading of a part of the outcome."""
    return f"{metric.key}@{part}"


def capped_reading(metric: Metric) -> str:
    """The name of the reading with capped values."""
    return f"{metric.key}@capped"


def above_cap(metric: Metric) -> str:
    """The name of the reading that counts the units above the cap."""
    return f"{metric.key}@above_cap"


def other_reading(metric: Metric, maturity: str) -> str:
    """The name of a reading that is not the main one."""
    return f"{metric.key}@{maturity}"


def anchor_columns(stream: str | None) -> tuple[str, str]:
    """A unit's anchor in microseconds, and its local day.

    Args:
        stream: The stream whose first event is the anchor; None for the assignment.
    """
    if stream is None:
        return ANCHOR, ANCHOR_DAY
    return f"first@{stream}", f"first_day@{stream}"
