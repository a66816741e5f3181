"""What is computed from the time before the start and fixed when the plan is frozen.

Two choices must not be made by those who have seen the results: whether Welch's test or the
permutation test decides a skewed mean with a small variant, and at which value a sum is capped.
Both are made from the same metric of earlier customers, by the code that computes the metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.analysis.clock import Cutoff
from abtest.analysis.facts import Facts
from abtest.analysis.planning.history import PAST, past_units, tables_of
from abtest.analysis.readings import readings_of
from abtest.analysis.skew import shapes_of, skewed_readings
from abtest.analysis.strata import entry_weights
from abtest.errors import DataError, Fault, SpecError
from abtest.methods import Permutation
from abtest.metrics.base import EventMetric
from abtest.metrics.mean import MeanMetric
from abtest.metrics.sum import SumMetric
from abtest.metrics.winsorize import Winsorize
from abtest.sources.open_engine import EngineOptions, open_engine
from abtest.spec.analysis import Analysis
from abtest.spec.plan_values import path_text
from abtest.stats.means.shape import planned_skew, skewness
from abtest.stats.resampling.quantiles import quantile_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pydantic import JsonValue

    from abtest.metrics.base import Metric
    from abtest.sources.engine import Engine
    from abtest.spec import LoadedSpec, Spec
    from abtest.spec.plan_values import Values
    from abtest.stats.resampling.value_counts import ValueCounts

_FLAGS = {0.0, 1.0}


@dataclass(frozen=True, slots=True)
class Earlier:
    """Where the time before the start is.

    Attributes:
        tables: Tables of the past by the spec's names for them; empty where there is none.
        end: The instant up to which, and excluding which, they are complete; the schedule's start
            where it is None.
        units: How many units will be enrolled; None for as many as history has.
    """

    tables: Mapping[str, Any]
    end: str | None = None
    units: int | None = None


def fixed_by_history(loaded: LoadedSpec, earlier: Earlier) -> Values:
    """The caps and the methods that are to be fixed, with what they were computed from.

    Args:
        loaded: The spec.
        earlier: Where the time before the start is.

    Raises:
        SpecError: A cap comes from history and there is none.
        DataError: History cannot be read, or there is nothing in it to cap.
    """
    spec = loaded.spec
    tests = [reading.name for reading in skewed_readings(spec)]
    caps = [metric.key for metric in spec.metrics if _upper(metric) is not None]
    wanted = [metric for metric in spec.metrics if metric.key in (*caps, *tests)]
    known = [m for m in wanted if tables_of(m, spec.metrics) <= earlier.tables.keys()]
    _refuse_caps_without_history(loaded, [m.key for m in known])
    logged = any(isinstance(metric, EventMetric) for metric in known)
    cutoff = _cutoff(spec, earlier.end) if logged else None
    counts = _counts(loaded, known, earlier, cutoff) if known else {}
    fixed: Values = {}
    for metric in wanted:
        if metric.key in tests:
            test = _test(spec, counts.get(metric.key), earlier.units)
            fixed[path_text(("methods", metric.key))] = test
        if metric.key in counts:
            fixed |= _told(metric, counts[metric.key], earlier, cutoff)
    return fixed


def _told(metric: Metric, counts: ValueCounts, earlier: Earlier, cutoff: Cutoff | None) -> Values:
    """The cap, if any, and what stands behind it and behind the choice of the test."""
    upper = _upper(metric)
    told: dict[str, JsonValue] = {"units": counts.n, "skewness": skewness(counts)}
    if isinstance(metric, EventMetric) and cutoff is not None:
        told["end"] = cutoff.iso
    if earlier.units is not None:
        told["planned_units"] = earlier.units
    fixed = {path_text(("history", metric.key, name)): value for name, value in told.items()}
    if upper is not None:
        fixed[path_text(("caps", metric.key))] = _cap(metric, upper, counts)
    return fixed


def with_fixed(loaded: LoadedSpec, fixed: Values) -> Spec:
    """The spec with the caps and the methods of its lock."""
    spec = loaded.spec
    metrics = tuple(_capped(metric, fixed) for metric in spec.metrics)
    methods = dict(spec.analysis.methods)
    for metric in metrics:
        if fixed.get(path_text(("methods", metric.key))) == "permutation":
            methods.setdefault(metric.key, Permutation())
    analysis = spec.analysis.model_copy(update={"methods": methods})
    return spec.model_copy(update={"metrics": metrics, "analysis": analysis})


def refuse_unfixed_caps(loaded: LoadedSpec) -> None:
    """Refuse caps from history that nobody computed before the results could be seen.

    Raises:
        SpecError: There is one; the error lists all of them.
    """
    message = "takes its cap from history, which must be fixed before the results are seen"
    hint = (
        "freeze the plan before the start: `abtest freeze experiment.yaml --history TABLE=FILE`; "
        "or write the cap itself, such as `winsorize: {cap: 480}`"
    )
    faults = [
        loaded.document.placed(Fault(("metrics", i, "winsorize"), message, hint))
        for i, metric in enumerate(loaded.spec.metrics)
        if _upper(metric) is not None
    ]
    if faults:
        raise SpecError(faults)


def _upper(metric: Metric) -> float | None:
    """The share at which a metric takes its cap from history."""
    if isinstance(metric, MeanMetric | SumMetric) and metric.winsorize is not None:
        return metric.winsorize.upper
    return None


def _capped(metric: Metric, fixed: Values) -> Metric:
    cap = fixed.get(path_text(("caps", metric.key)))
    if _upper(metric) is None or not isinstance(cap, int | float):
        return metric
    return metric.model_copy(update={"winsorize": Winsorize(cap=float(cap))})


def _refuse_caps_without_history(loaded: LoadedSpec, known: Sequence[str]) -> None:
    metrics = loaded.spec.metrics
    faults = []
    for i, metric in enumerate(metrics):
        if _upper(metric) is not None and metric.key not in known:
            tables = " ".join(
                f"--history {name}=FILE" for name in sorted(tables_of(metric, metrics))
            )
            message = "takes its cap from history, and there is none"
            fault = Fault(("metrics", i, "winsorize"), message, f"give it with {tables}")
            faults.append(loaded.document.placed(fault))
    if faults:
        raise SpecError(faults)


def _cutoff(spec: Spec, end: str | None) -> Cutoff:
    """Up to when history is read: never past the start, when customers met their variants."""
    zone, start = spec.schedule.timezone, spec.schedule.start
    if start is None:
        message = "is missing; without it nobody can tell what is from before the experiment"
        raise SpecError([Fault(("schedule", "start"), message)])
    cutoff = Cutoff.parse(end or start, zone)
    if cutoff.microseconds > Cutoff.parse(start, zone).microseconds:
        raise DataError(
            f"history up to {end} reaches into the experiment, which starts on {start}",
            "Give a date up to which the data are complete and nobody was enrolled.",
        )
    return cutoff


def _test(spec: Spec, counts: ValueCounts | None, units: int | None) -> str:
    """Which test decides; without history nothing speaks for Welch's."""
    if counts is None or counts.n == 0 or spec.control is None:
        return "permutation"
    n = units or counts.n
    for _, weights in entry_weights(spec):
        total, control = sum(weights.values()), weights[spec.control.key]
        for variant in spec.treatments:
            pair = control, weights[variant.key]
            if not min(pair):
                continue
            check = planned_skew(counts, n * pair[0] / total, n * pair[1] / total)
            if not check.passes:
                return "permutation"
    return "welch"


def _cap(metric: Metric, upper: float, counts: ValueCounts) -> float:
    """The quantile of history; refused where it would cap nothing, or a share."""
    if set(counts.values.tolist()) <= _FLAGS:
        raise DataError(
            f"metric {metric.key} has a cap, but no values other than 0 and 1 in history",
            "Take `winsorize` out: a share has nothing to cap.",
        )
    cap = quantile_value(counts, upper)
    if cap is None or cap <= 0:
        raise DataError(
            f"the cap of metric {metric.key} would be {cap}: {upper:.4g} of the units of history "
            "have no more than that; it must be above 0",
            "Take a higher `upper`, or write the cap itself.",
        )
    return cap


def _counts(
    loaded: LoadedSpec, metrics: Sequence[Metric], earlier: Earlier, cutoff: Cutoff | None
) -> dict[str, ValueCounts]:
    """The value counts of metrics over the units of the past, each with its own window."""
    spec = loaded.spec
    zone, options = spec.schedule.timezone, EngineOptions(spec.data.currency)
    engine = open_engine(None, loaded.folder, zone, earlier.tables, options)
    try:
        return {
            metric.key: _of_metric(spec, engine, metric, earlier.tables.keys(), cutoff)
            for metric in metrics
        }
    finally:
        engine.close()


def _of_metric(
    spec: Spec, engine: Engine, metric: Metric, tables: Collection[str], cutoff: Cutoff | None
) -> ValueCounts:
    alone = {"metrics": (metric,), "covariates": {}, "analysis": Analysis(), "decision": None}
    past = past_units(spec.model_copy(update=alone), engine, tables, cutoff)
    frame = engine.materialize(Facts(past.spec, engine, past.population, cutoff).frame())
    reading = next(reading for reading in readings_of(past.spec) if reading.name == metric.key)
    counts = shapes_of(engine, frame, [reading], [PAST])[metric.key, PAST]
    if counts.n == 0:
        raise DataError(f"the history has no unit with a value of metric {metric.key}")
    return counts
