"""The ways in which each metric is read, and what they call the columns of a unit.

A metric has one reading, or two where ``maturity`` asks for both the complete cases and the
survival curve. Each reading gives every unit a state and, where it is observed, an outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.method_choice import summary_for
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, EventMetric

if TYPE_CHECKING:
    from abtest.metrics.base import Metric
    from abtest.spec import Spec
    from abtest.stats.summaries import Summary

# Why a unit counts or does not, one number per unit and reading.
INELIGIBLE, IMMATURE, MISSING, OBSERVED = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric, read in one way.

    Attributes:
        name: The metric's key for its main reading.
        metric: The metric, with this reading only.
        summary: Which sufficient statistics its method takes.
    """

    name: str
    metric: Metric
    summary: type[Summary]

    @property
    def state(self) -> str:
        """The column that says where a unit stands: ineligible, immature, missing or observed."""
        return f"{self.name}!state"

    @property
    def y(self) -> str:
        """The column of the outcome; for a ratio its numerator, for a survival curve the time."""
        return f"{self.name}!y"

    @property
    def x(self) -> str:
        """The column of a ratio's denominator, or of whether a time ended in the event."""
        return f"{self.name}!x"


def readings_of(spec: Spec) -> list[Reading]:
    """Every reading of every metric; a metric's main reading has its key as name."""
    return [reading for metric in spec.metrics for reading in _readings(spec, metric)]


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
