"""Whole clusters in one variant: who belongs to which, and the sums of each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.counting import count_rows, count_variants
from abtest.analysis.covariates import history_column
from abtest.analysis.crossover import HIGH, LOW, count_units, one_variant_each, variants_of
from abtest.analysis.readings import OBSERVED
from abtest.analysis.streams import CLUSTER, UNIT, VARIANT
from abtest.errors import DataError
from abtest.metrics.base import ANCHOR, ANCHOR_DAY, one_where
from abtest.sources.wanted import Wanted
from abtest.stats.clusters.adjustment import ClusterHistory
from abtest.stats.summaries import Clusters, PairMoments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.analysis.readings import Reading
    from abtest.analysis.summaries import Found, MetricCounts
    from abtest.sources.engine import Engine
    from abtest.sources.wanted import ColumnType
    from abtest.spec import Spec
    from abtest.stats.adjustment.co_moments import Columns

_OTHERS = "abtest:clusters"


@dataclass(frozen=True, slots=True)
class ClusterCounts:
    """What was split: clusters, not units.

    Attributes:
        assigned: Clusters per variant, by the variant that they are analysed in.
        units: Clusters seen, analysed or not: these are the units of the split.
        crossed: Clusters that were seen in several variants.
        by_hash: Of those, how many are analysed in the variant that the hash gives them.
    """

    assigned: dict[str, int]
    units: int
    crossed: int = 0
    by_hash: int = 0

    @property
    def left_out(self) -> int:
        """Clusters in several variants that are not analysed."""
        return self.units - sum(self.assigned.values())


def with_clusters(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], id_type: ColumnType
) -> nw.LazyFrame[Any]:
    """Assignments with their clusters, from data.units where they do not have them already.

    Raises:
        DataError: Neither table has the column, or data.units has a unit in two clusters.
    """
    if CLUSTER in frame.collect_schema().names():
        return frame
    table = spec.data.units
    if table is None or spec.cluster not in engine.columns("units", table):
        raise DataError(
            f"neither the assignments nor data.units have a column {spec.cluster!r}, the cluster",
            "Add it to one of them, or correct `cluster`.",
        )
    unit = Wanted(UNIT, table.unit or spec.unit or "", id_type)
    rows = engine.scan("units", table, [unit, cluster_column(spec)])
    members = engine.materialize(rows.filter(~nw.col(UNIT).is_null()).unique())
    _refuse_two_clusters(engine, members, table.path)
    return engine.materialize(frame.join(members, on=UNIT, how="left"))


def cluster_column(spec: Spec) -> Wanted:
    """The column of clusters."""
    return Wanted(CLUSTER, spec.cluster or "", "text")


def one_variant_per_cluster(
    spec: Spec, engine: Engine, frame: nw.LazyFrame[Any], path: str
) -> tuple[nw.LazyFrame[Any], ClusterCounts]:
    """Every row in the variant of its cluster, without the clusters that are left out.

    A cluster in several variants is treated as a unit would be: by the hash or the first
    assignment where there are times, and left out where there are none.

    Args:
        spec: The experiment.
        engine: Where the frame is.
        frame: Rows with a variant and a cluster; assignments also with a unit and an anchor.
        path: The file, for messages.

    Raises:
        DataError: A row has no cluster, or a unit is in two.
    """
    names = frame.collect_schema().names()
    missing = count_rows(engine, frame.filter(nw.col(CLUSTER).is_null()))
    if missing:
        raise DataError(
            f"{path}: {missing:,} rows have no {spec.cluster}, the cluster",
            "Every unit belongs to one: fill it, with the unit's own id for those alone.",
        )
    if UNIT in names:
        _refuse_two_clusters(engine, frame, path)
    as_units = frame.drop([name for name in names if name == UNIT]).rename({CLUSTER: UNIT})
    variants, counts = _variants(spec, engine, as_units, timed=ANCHOR in names)
    if counts.crossed == 0:
        return frame, counts
    variants = variants.rename({UNIT: CLUSTER})
    frame = frame.drop(VARIANT).join(variants, on=CLUSTER, how="inner")
    return engine.materialize(frame), counts


def _variants(
    spec: Spec, engine: Engine, clusters: nw.LazyFrame[Any], *, timed: bool
) -> tuple[nw.LazyFrame[Any], ClusterCounts]:
    """The variant of each cluster that is analysed; clusters are in the column of units here."""
    if timed:
        found = one_variant_each(
            spec,
            engine,
            clusters.select(UNIT, VARIANT, ANCHOR, ANCHOR_DAY),
            count_rows(engine, clusters),
        )
        frame, seen, crossed, by_hash = found.frame, found.units, found.crossed, found.by_hash
    else:
        every = engine.materialize(variants_of(clusters))
        seen, crossed, _ = count_units(engine, every)
        one = every.filter(nw.col(LOW) == nw.col(HIGH))
        frame, by_hash = one.select(UNIT, nw.col(LOW).alias(VARIANT)), 0
    frame = engine.materialize(frame.select(UNIT, VARIANT))
    return frame, ClusterCounts(count_variants(spec, engine, frame), seen, crossed, by_hash)


def _refuse_two_clusters(engine: Engine, frame: nw.LazyFrame[Any], path: str) -> None:
    each = frame.group_by(UNIT).agg(nw.col(CLUSTER).n_unique().alias(_OTHERS))
    n = count_rows(engine, each.filter(nw.col(_OTHERS) > 1))
    if n:
        raise DataError(
            f"{path}: {n:,} units are in more than one cluster",
            "A unit belongs to one: which is right?",
        )


def in_clusters(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    readings: Sequence[Reading],
    found: Found,
    history: Columns | None,
) -> Found:
    """What was found, with one row of sums per cluster for the summaries.

    Args:
        engine: Where the frame is.
        frame: One row per unit: its variant, its cluster, and state, y and x of each reading.
        readings: Which readings.
        found: Everything else that is known of them.
        history: The covariates, whose columns are in the frame; None where nothing is adjusted.
    """
    before = history.history if history is not None else ()
    columns = [column for reading in readings for column in _columns(reading, before)]
    names = [name for reading in readings for name in _names(reading, before)]
    sums = frame.select(VARIANT, CLUSTER, *columns).group_by(VARIANT, CLUSTER)
    rows = engine.collect(sums.agg(*(nw.col(name).sum() for name in names)))
    by_variant: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: str(row[CLUSTER])):  # sums are added in one order
        by_variant[row[VARIANT]].append(row)
    by_name = {reading.name: reading for reading in readings}
    summaries = {
        (name, variant): _counts(counts, by_name[name], by_variant[variant], history)
        for (name, variant), counts in found.summaries.items()
    }
    return replace(found, summaries=summaries)


def _names(reading: Reading, before: Sequence[str] = ()) -> tuple[str, ...]:
    parts = ("units", "y", "x", *map(history_column, before))
    return tuple(f"{reading.name}:{part}" for part in parts)


def _columns(reading: Reading, before: Sequence[str]) -> Iterator[nw.Expr]:
    units, y, x, *history = _names(reading, before)
    observed = nw.col(reading.state) == OBSERVED
    below = nw.col(reading.x) if reading.summary is PairMoments else nw.lit(1.0)
    yield one_where(observed).alias(units)
    yield nw.when(observed).then(nw.col(reading.y).cast(nw.Float64)).alias(y)
    yield nw.when(observed).then(below.cast(nw.Float64)).alias(x)
    for name, alias in zip(before, history, strict=True):
        yield nw.when(observed).then(nw.col(history_column(name)).cast(nw.Float64)).alias(alias)


def _counts(
    counts: MetricCounts,
    reading: Reading,
    rows: Sequence[Mapping[str, Any]],
    history: Columns | None,
) -> MetricCounts:
    """The counts of one variant with its clusters for a summary."""
    before = history.history if history is not None else ()
    units, y, x, *names = _names(reading, before)
    counted = [row for row in rows if row[units]]
    clusters = Clusters(
        tuple(int(row[units]) for row in counted),
        tuple(float(row[y]) for row in counted),
        tuple(float(row[x]) for row in counted),
    )
    if history is None:
        return replace(counts, summary=clusters)
    sums = tuple(tuple(float(row[name]) for name in names) for row in counted)
    clustered = ClusterHistory(history, clusters, sums)
    return replace(counts, summary=clusters, clustered=clustered)
