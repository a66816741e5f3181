"""The covariates that an analysis adjusts for, as columns of a unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.streams import scope_of
from abtest.metrics.base import one_where
from abtest.sources.wanted import Wanted
from abtest.spec.covariates import ColumnCovariate, EventCovariate
from abtest.stats.adjustment.co_moments import Columns, missing_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.metrics.base import EventMetric
    from abtest.sources.engine import Engine
    from abtest.spec import Spec


def column_covariates(spec: Spec) -> list[Wanted]:
    """The columns of data.units that are adjusted for."""
    return [
        Wanted(_raw(key), covariate.column, "number")
        for key in spec.analysis.covariates
        if isinstance(covariate := spec.covariates.get(key), ColumnCovariate)
    ]


def history_column(name: str) -> str:
    """The column of a covariate, which may be called like a metric or like a column of ours."""
    return f"history@{name}"


def event_covariates(spec: Spec) -> list[EventMetric]:
    """The events that are adjusted for, as the metrics that they are."""
    return [
        covariate.metric(key).model_copy(update={"key": history_column(key)})
        for key in spec.analysis.covariates
        if isinstance(covariate := spec.covariates.get(key), EventCovariate)
    ]


def history_columns(
    spec: Spec, engine: Engine, units: nw.LazyFrame[Any], *, stratified: bool
) -> Columns | None:
    """What is adjusted for, and which of it some units lack; None where nothing is.

    Args:
        spec: The experiment.
        engine: Where the units are.
        units: The analysed units with their columns.
        stratified: Whether units are compared within strata.
    """
    keys = spec.analysis.covariates
    # One variant by itself has nothing to be compared with.
    if spec.control is None or (not keys and not stratified):
        return None
    # What a unit did before is never missing: a unit without events has none.
    columns = [want.name for want in column_covariates(spec)]
    missing: tuple[str, ...] = ()
    if columns:
        gaps = units.select(*(one_where(nw.col(name).is_null()).alias(name) for name in columns))
        row = engine.collect(gaps.select(*(nw.col(name).max() for name in columns)))[0]
        missing = tuple(key for key in keys if row.get(_raw(key)))
    return Columns(("y",), keys, missing)


def covariate_values(spec: Spec, history: Columns | None) -> Iterator[nw.Expr]:
    """The covariates' columns, by the names that the summaries use.

    A missing value is filled with 0 and marked beside it: what fills it makes no difference.
    """
    if history is None:
        return
    for metric in event_covariates(spec):
        value = metric.outcome(scope_of(spec.data.events[metric.events]))
        yield value.cast(nw.Float64).alias(metric.key)
    for want in column_covariates(spec):
        key, value = want.name.removeprefix("column@"), nw.col(want.name)
        yield nw.coalesce(value, nw.lit(0.0)).alias(history_column(key))
        if key in history.missing:
            yield one_where(value.is_null()).alias(history_column(missing_column(key)))


def _raw(key: str) -> str:
    return f"column@{key}"
