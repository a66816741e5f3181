"""Whether Welch's t can stand the skew of a mean, where variants are planned to differ in size.

With variants of one size the skew of the two cancels in their difference. Otherwise it does not: at
90/10 and values as skewed as revenue, one side errs several times as often as it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from abtest.analysis.method_choice import summary_for, uneven_contrasts
from abtest.analysis.readings import OBSERVED, Reading, readings_of
from abtest.analysis.result import Check
from abtest.analysis.streams import VARIANT
from abtest.sentences import joined, sentence
from abtest.stats.means.shape import share_of_top, skew_check
from abtest.stats.resampling.value_counts import ValueCounts
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.analysis.summaries import Found
    from abtest.sources.engine import Engine
    from abtest.spec import Spec
    from abtest.stats.means.shape import SkewCheck

# More distinct values than this are put into as many bins, of one width.
MOST_VALUES = 100_000
TOP = 0.01

_UNITS, _BIN, _MEAN, _M2 = "abtest:units", "abtest:bin", "abtest:mean", "abtest:m2"

Shapes = dict[tuple[str, str], ValueCounts]
"""Value counts by metric and variant."""


def skewed_readings(spec: Spec) -> list[Reading]:
    """The means whose skew matters: by Welch's t, with a contrast that is planned to be uneven."""
    if spec.cluster is not None or not uneven_contrasts(spec):
        return []
    by_key = {metric.key: metric for metric in spec.metrics}
    return [
        reading
        for reading in readings_of(spec)
        if reading.name in by_key
        and reading.name not in spec.analysis.methods
        and summary_for(spec, by_key[reading.name]) is Moments
    ]


def shapes_of(
    engine: Engine, frame: nw.LazyFrame[Any], readings: Sequence[Reading], variants: Sequence[str]
) -> Shapes:
    """The value counts of each reading, or bins of them where there are too many.

    Args:
        engine: Where the frame is.
        frame: One row per unit: its variant, and state and y of each reading.
        readings: Which readings.
        variants: The variants, each of which is in the answer.
    """
    found: Shapes = {}
    for reading in readings:
        rows = frame.filter(nw.col(reading.state) == OBSERVED)
        rows = rows.select(VARIANT, nw.col(reading.y).cast(nw.Float64).alias(_MEAN))
        y = nw.col(_MEAN)
        ends = [y.n_unique().alias(_UNITS), y.min().alias("low"), y.max().alias("high")]
        extent = engine.collect(rows.select(*ends))[0]
        few = int(extent[_UNITS] or 0) <= MOST_VALUES  # no rows have no number of values
        made = _exact(engine, rows) if few else _binned(engine, rows, extent)
        empty = ValueCounts.of([])
        found |= {(reading.name, variant): made.get(variant, empty) for variant in variants}
    return found


def _exact(engine: Engine, rows: nw.LazyFrame[Any]) -> dict[str, ValueCounts]:
    counted = rows.group_by(VARIANT, _MEAN).agg(nw.len().alias(_UNITS))
    return {
        variant: ValueCounts.exact([row[_MEAN] for row in own], [int(row[_UNITS]) for row in own])
        for variant, own in _by_variant(engine.collect(counted), _MEAN)
    }


def _binned(
    engine: Engine, rows: nw.LazyFrame[Any], extent: Mapping[str, Any]
) -> dict[str, ValueCounts]:
    """A fine histogram with the exact mean and second moment of each bin."""
    low, high = float(extent["low"]), float(extent["high"])
    width = (high - low) / MOST_VALUES
    bins = rows.with_columns(((nw.col(_MEAN) - low) / width).floor().alias(_BIN))
    # Around the bin's start, so that squares lose no digits.
    step = nw.col(_MEAN) - (low + nw.col(_BIN) * width)
    steps = bins.select(VARIANT, _BIN, step.alias(_MEAN), (step * step).alias(_M2))
    sums = [nw.len().alias(_UNITS), nw.col(_MEAN).sum(), nw.col(_M2).sum()]
    edges = low + width * np.arange(MOST_VALUES + 2, dtype=np.float64)
    made = {}
    for variant, own in _by_variant(engine.collect(steps.group_by(VARIANT, _BIN).agg(*sums)), _BIN):
        n, place, total, squares = (
            np.array([float(row[name]) for row in own]) for name in (_UNITS, _BIN, _MEAN, _M2)
        )
        m2 = np.maximum(squares - total * total / n, 0.0)
        made[variant] = ValueCounts(
            low + place * width + total / n, n.astype(np.int64), m2, edges.copy()
        )
    return made


def _by_variant(
    rows: Sequence[Mapping[str, Any]], order: str
) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    for variant in sorted({row[VARIANT] for row in rows}):
        own = [row for row in rows if row[VARIANT] == variant]
        yield variant, sorted(own, key=lambda row: float(row[order]))


def skew(spec: Spec, found: Found) -> Check | None:
    """Means that are too skewed for Welch's t, in contrasts that are planned to be uneven."""
    if not found.shapes or spec.control is None:
        return None
    parts: dict[str, str] = {}
    details: dict[str, Any] = {}
    for metric in dict.fromkeys(name for name, _ in found.shapes):
        for variant in uneven_contrasts(spec):
            pair = [found.shapes[metric, key] for key in (spec.control.key, variant)]
            check = skew_check(*pair)
            tops = [share_of_top(counts, TOP) for counts in pair]
            details[f"{metric}: {variant}"] = _details(check, tops)
            if not check.passes:
                parts.setdefault(metric, _named(metric, _told(spec, variant, check, tops)))
    return Check(
        key="skew",
        status="warn" if parts else "pass",
        message=_message(list(parts.values())),
        hint=sentence(
            "Before anybody looks, name the test in the plan: `{plan}`.",
            plan=_methods(list(parts)),
        )
        if parts
        else None,
        details=details,
    )


def _message(parts: Sequence[str]) -> str:
    if not parts:
        return sentence("Variants differ in size, but no mean is too skewed for Welch's t-test.")
    return sentence(
        "Too skewed for Welch's t-test with variants of different sizes, whose p-values and "
        "intervals then err more often than they say: {parts}.",
        parts=joined("; ", parts),
    )


def _named(metric: str, told: str) -> str:
    return sentence("{metric} ({told})", metric=metric, told=told)


def _told(spec: Spec, variant: str, check: SkewCheck, tops: Sequence[float | None]) -> str:
    control = spec.control.key if spec.control is not None else ""
    shares = [
        sentence("{share:.1%} of the total of {variant}", share=top, variant=key)
        for key, top in zip((control, variant), tops, strict=True)
        if top is not None
    ]
    if not shares:
        return sentence("skewness {skewness:.1f}", skewness=check.skewness or 0.0)
    return sentence(
        "skewness {skewness:.1f}; the top {top:.0%} of units have {shares}",
        skewness=check.skewness or 0.0,
        top=TOP,
        shares=joined(" and ", shares),
    )


def _details(check: SkewCheck, tops: Sequence[float | None]) -> dict[str, Any]:
    return {
        "skewness": check.skewness,
        "skewness_of_difference": check.skewness_of_difference,
        "top_share_control": tops[0],
        "top_share": tops[1],
        "passes": check.passes,
    }


def _methods(metrics: Sequence[str]) -> str:
    named = ", ".join(f"{metric}: {{kind: permutation}}" for metric in metrics)
    return f"analysis: {{methods: {{{named}}}}}"
