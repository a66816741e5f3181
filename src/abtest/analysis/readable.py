"""From when on every enrolled unit counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.clock import first_date_after, start_of_day
from abtest.analysis.readings import anchor_columns
from abtest.analysis.streams import lag_of
from abtest.fields import MICROSECOND
from abtest.instants import from_microseconds
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.analysis.clock import Cutoff
    from abtest.spec import Spec


def readable_dates(
    spec: Spec, cutoff: Cutoff | None, latest: Mapping[str, int | None]
) -> dict[str, str | None]:
    """The date from which every enrolled unit counts, by metric, from the latest anchors.

    Args:
        spec: The experiment.
        cutoff: The data cut-off; without one no metric has a window.
        latest: The latest anchor in each column of anchors.
    """
    if cutoff is None:
        return {}
    dates = {
        metric.key: _date(spec, latest[anchor_columns(metric.anchor_stream)[0]], metric, cutoff)
        for metric in spec.metrics
        if isinstance(metric, EventMetric)
    }
    for metric in spec.metrics:
        if isinstance(metric, RatioMetric):
            parts = (dates.get(metric.numerator), dates.get(metric.denominator))
            dates[metric.key] = max((part for part in parts if part), default=None)
    return dates


def _date(spec: Spec, latest_anchor: int | None, metric: EventMetric, cutoff: Cutoff) -> str | None:
    if latest_anchor is None:
        return None
    end = metric.window.end
    lag = lag_of(spec, metric)
    if metric.window.calendar:
        day = from_microseconds(int(latest_anchor), cutoff.zone).date()
        over = start_of_day(day + end, cutoff.zone)
    else:
        over = int(latest_anchor) + end // MICROSECOND
    return first_date_after(over + lag // MICROSECOND, cutoff.zone)
