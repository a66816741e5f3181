"""What a record's numbers are measured in: shares, money, points, days, or a hazard ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report.languages import _, currency
from abtest.report.text import clean
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import Record

_SHARE_KINDS = frozenset(
    {
        "proportion", "conversion", "repeat_purchase", "retention", "churn", "inactivity", "crr",
        "time_to_event", "survival",
    }
)  # fmt: skip
_HAZARD_METHODS = frozenset({"log_rank", "cox"})


@dataclass(frozen=True, slots=True)
class Unit:
    """How the numbers of a metric are written.

    Attributes:
        scale: What they are multiplied by.
        value: What follows a value.
        difference: What follows a difference, in English or translated.
        about: What a heading says about the unit, likewise; None where the numbers say it.
        is_ratio: Whether the difference is a log ratio and the lift the ratio less one, so that
            neither is a difference of values.
    """

    scale: float = 1.0
    value: str = ""
    difference: str = ""
    about: str | None = None
    is_ratio: bool = False


PLAIN = Unit()
SHARE = Unit(100.0, "%", phrase(" pp"))
POINTS = Unit(difference=phrase(" points"), about=phrase("in points"))
HAZARD_RATIO = Unit(is_ratio=True)


def unit_of(record: Record, spec: dict[str, Any]) -> Unit:
    """The unit of a record, from its method, its kind and what the spec says about the metric.

    A column's unit is not known here: means and quantiles of columns are written as they are.
    """
    metrics = metrics_of(spec)
    metric = metrics.get(record.metric, {})
    if record.method in _HAZARD_METHODS:
        return HAZARD_RATIO
    if record.method == "rmst":
        return _mean_time(metric)
    if record.kind == "survey":
        if metric.get("scale") == "nps":
            return POINTS
        return SHARE if metric.get("score") == "top_box" else PLAIN
    if record.kind in _SHARE_KINDS:
        return SHARE
    money = _money(spec)
    if money is not None and _is_money(record.kind, metric, metrics):
        return Unit(difference=f" {money}", about=_("in {currency}", currency=money))
    return PLAIN


def metrics_of(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The spec's metrics by key."""
    found = [metric for metric in spec.get("metrics") or () if isinstance(metric, dict)]
    return {str(metric.get("key")): metric for metric in found}


def time_unit(metric: dict[str, Any]) -> str:
    """What a survival curve counts: days, or what the column of durations is called.

    Examples:
        >>> time_unit({}), time_unit({"duration": "week"})
        ('day', 'week')
    """
    return _(clean(metric.get("duration") or "day"))


def _mean_time(metric: dict[str, Any]) -> Unit:
    if metric.get("duration"):
        unit = time_unit(metric)
        return Unit(about=_("mean time without the event, in the unit of {unit}", unit=unit))
    return Unit(difference=phrase(" days"), about=phrase("mean time without the event, in days"))


def _money(spec: dict[str, Any]) -> str | None:
    data = spec.get("data")
    code = data.get("currency") if isinstance(data, dict) else None
    return currency(code) if code else None


def _is_money(kind: str, metric: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> bool:
    """Sums of what events are worth, and such sums per unit or per event."""
    if kind != "ratio":
        return kind == "sum"
    parts = [metrics.get(str(metric.get(part)), {}) for part in ("numerator", "denominator")]
    return [part.get("kind") for part in parts] == ["sum", "count"]
