"""What a look counted: sufficient statistics that stay as they are, whatever the tables say later.

Each unit counts once, at the first look after its maturity, with the value that it has then. A
later look adds the units that have matured since to what the last look counted.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from abtest.analysis.method_choice import summary_for
from abtest.analysis.readings import event_parts, readings_of
from abtest.analysis.strata import SPLIT_NUMBER, entry_weights
from abtest.analysis.streams import lag_of
from abtest.analysis.summaries import summarize
from abtest.stats.adjustment.co_moments import Columns, CoMoments, from_arrays
from abtest.stats.summaries import LifeTable, Moments, PairMoments, Proportion, ValueCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import narwhals as nw

    from abtest.analysis.facts import Facts
    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import MetricCounts, Summaries, Wish
    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

Simple = Proportion | Moments | PairMoments
_ROUNDING = 1e-11  # of sums over many units, as a share of the root mean square
# Settings of a metric that say how it is read, not what is counted.
NOT_MEASURING = ("key", "title", "role", "mde", "equivalence", "non_inferiority_margin")


class Counted(BaseModel):
    """The units of one variant that a look has counted on one metric.

    Attributes:
        reading: The metric's reading; the main one has the metric's key.
        variant: The variant.
        definition: The fingerprint of what was measured.
        missing: Mature units whose outcome was not known.
        summary: The sufficient statistics.
        parts: Their co-moments with the covariates, by stratum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reading: str
    variant: str
    definition: str
    missing: int = 0
    summary: Simple
    parts: dict[str, CoMoments] = {}


@dataclass(frozen=True, slots=True)
class Matured:
    """The units that had matured by the last look, and those that have since, as tables say now.

    Attributes:
        before: The first, by reading and variant.
        since: The others; all where there was no look.
        history: What the analysis adjusts for.
    """

    before: Summaries
    since: Summaries
    history: Columns | None


def timed_readings(spec: Spec) -> list[Reading]:
    """The readings whose units mature at a time: those of event metrics, but for curves.

    A column has no time at which it is known, and a curve counts units before they are mature.
    """
    return [
        replace(one, summary=Moments) if one.summary is ValueCounts else one
        for one in readings_of(spec)
        if one.summary is not LifeTable and is_timed(spec, one.metric)
    ]


def is_timed(spec: Spec, metric: Metric) -> bool:
    """Whether a metric's units mature."""
    return any(part.maturity == "complete" for part in event_parts(spec, metric))


def is_kept(spec: Spec, reading: Reading) -> bool:
    """Whether sums of what a look counted are all that the method needs.

    Clusters go on growing while their units mature; value counts would be as many as the units.
    """
    return spec.cluster is None and summary_for(spec, reading.metric) is not ValueCounts


def matured_of(
    engine: Engine, frame: nw.LazyFrame[Any], facts: Facts, wish: Wish
) -> Matured | None:
    """The units that had matured by the last look, and those that have since; None without a plan.

    Args:
        engine: Where the units are.
        frame: One row per unit with its outcomes.
        facts: What made the frame.
        wish: What to find out about each part.
    """
    if not facts.matured:
        return None
    before, since = (
        summarize(engine, frame, [one for one in facts.matured if one.matured == when], wish)
        for when in ("before", "since")
    )
    return Matured(before.summaries, since.summaries, facts.history)


def definition_of(spec: Spec, metric: Metric) -> str:
    """A fingerprint of what is measured, and of what it is adjusted for.

    Settings at their defaults are left out, so that it stays when a version adds one.
    """
    parts = [metric, *event_parts(spec, metric)]
    told = [one.model_dump(mode="json", exclude_defaults=True) for one in parts]
    measured = [{k: v for k, v in one.items() if k not in NOT_MEASURING} for one in told]
    lags = [str(lag_of(spec, part)) for part in event_parts(spec, metric)]
    adjusted = [*spec.analysis.covariates, spec.assignment.stratify]
    text = json.dumps([measured, lags, adjusted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def simple(counts: MetricCounts) -> Simple:
    """The summary of a reading that is one of the simple ones."""
    if not isinstance(counts.summary, Simple):
        raise TypeError(f"{type(counts.summary).__name__} is no summary of single units")
    return counts.summary


def added(old: Simple, new: Simple) -> Simple:
    """Both together, which are of one kind."""
    total: Simple = old + new  # type: ignore[operator]
    return total


def is_same(one: Simple, other: Simple) -> bool:
    """Whether two summaries are of the same values, but for rounding."""
    if type(one) is not type(other) or one.n != other.n:
        return False
    return all(
        abs(a - b) <= _ROUNDING * scale
        for a, b, scale in zip(_sums(one), _sums(other), _scales(one), strict=True)
    )


def _sums(found: Simple) -> tuple[float, ...]:
    """What adds up over units."""
    if isinstance(found, Proportion):
        return (float(found.successes),)
    if isinstance(found, Moments):
        return found.n * found.mean, found.m2
    sums = found.n * found.mean_y, found.n * found.mean_x
    return (*sums, found.m2_y, found.m2_x, found.c_xy)


def _scales(found: Simple) -> tuple[float, ...]:
    """How large each of the sums may be."""
    if isinstance(found, Proportion):
        return (0.0,)
    if isinstance(found, Moments):
        square = found.m2 + found.n * found.mean**2
        return math.sqrt(found.n * square), square
    y = found.m2_y + found.n * found.mean_y**2
    x = found.m2_x + found.n * found.mean_x**2
    return math.sqrt(found.n * y), math.sqrt(found.n * x), y, x, math.sqrt(x * y)


def value_of(found: Simple) -> float | None:
    """The value of a metric: a share, a mean, a ratio of means."""
    if found.n == 0:
        return None
    if isinstance(found, Proportion):
        return found.value
    if isinstance(found, Moments):
        return found.mean
    return found.mean_y / found.mean_x if found.mean_x else None


def marks_of(history: Columns | None, counted: Iterable[Counted]) -> tuple[str, ...]:
    """The covariates that some unit lacks today, or lacked when it was counted."""
    if history is None:
        return ()
    parts = [part for one in counted for part in one.parts.values()]
    missing = {*history.missing, *(name for part in parts for name in part.columns.missing)}
    return tuple(name for name in history.covariates if name in missing)


def joined(old: Mapping[str, CoMoments], new: Mapping[str, CoMoments]) -> dict[str, CoMoments]:
    """Both, stratum by stratum."""
    shared = {name: old[name] + new[name] for name in old if name in new}
    return {**old, **new, **shared}


def widened(parts: Mapping[str, CoMoments], marks: tuple[str, ...]) -> dict[str, CoMoments]:
    """With a column for each mark of a missing covariate; where it is new, nobody lacked it."""
    return {name: _widened(part, marks) for name, part in parts.items()}


def _widened(part: CoMoments, marks: tuple[str, ...]) -> CoMoments:
    old = part.columns
    columns = replace(old, missing=marks)
    if columns == old:
        return part
    places = [columns.names.index(name) for name in old.names]
    means = np.zeros(len(columns.names))
    products = np.zeros((len(means), len(means)))
    means[places] = part.means
    products[np.ix_(places, places)] = part.products
    return from_arrays(columns, part.n, means, products)


def parts_of(
    spec: Spec, old: Counted, history: Columns | None, latest: int
) -> dict[str, CoMoments] | None:
    """What was counted by the strata of today; None where nobody knows them.

    Where the weights changed since, all units that were counted had entered under the first.

    Args:
        spec: The experiment.
        old: What was counted.
        history: Today's covariates; None where nothing is adjusted.
        latest: The latest anchor of a unit that was counted, in microseconds.
    """
    if history is None:
        return {}
    parts = old.parts or {"": _alone(old)}
    entries = entry_weights(spec)
    if len(entries) > 1 and set(parts) == {""}:
        if (entries[1][0] or 0) <= latest:
            return None
        return {f"{SPLIT_NUMBER}1": parts[""]}
    return parts


def _alone(old: Counted) -> CoMoments:
    """A summary as co-moments without covariates."""
    found, y, x = old.summary, f"{old.reading}!y", f"{old.reading}!x"
    if isinstance(found, PairMoments):
        products = [[found.m2_y, found.c_xy], [found.c_xy, found.m2_x]]
        return from_arrays(Columns((y, x)), found.n, [found.mean_y, found.mean_x], products)
    if isinstance(found, Moments):
        return from_arrays(Columns((y,)), found.n, [found.mean], [[found.m2]])
    share = found.successes / found.n if found.n else 0.0
    return from_arrays(Columns((y,)), found.n, [share], [[found.successes * (1 - share)]])
