"""The main job: spec and data in, a result out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abtest import __version__
from abtest.analysis.aggregates import read_aggregates
from abtest.analysis.archive.past_priors import telling_the_prior, with_past_prior
from abtest.analysis.bayes.models import control_posteriors
from abtest.analysis.bayes.pooling import pooled_readings
from abtest.analysis.bayes.prior_sensitivity import prior_sensitivity
from abtest.analysis.capped import capped_readings
from abtest.analysis.clock import Cutoff
from abtest.analysis.clusters import in_clusters
from abtest.analysis.columns import missing_columns
from abtest.analysis.covariates import column_covariates
from abtest.analysis.curves import censored_readings, curves
from abtest.analysis.decision import decide
from abtest.analysis.event_rows import RowCounter
from abtest.analysis.facts import Facts, outcome_columns
from abtest.analysis.frozen_plan.comparing import lock_of, under_lock
from abtest.analysis.frozen_plan.fixing import refuse_unfixed_caps, with_fixed
from abtest.analysis.frozen_plan.missing import without_lock
from abtest.analysis.health.balance import balance_of
from abtest.analysis.health.novelty import weekly_of
from abtest.analysis.health.outliers import largest_values
from abtest.analysis.health.readings import rows_left_out, skipped_lines, taken_off
from abtest.analysis.health.run import health_checks
from abtest.analysis.health.split import run_checks
from abtest.analysis.health.watched import watched
from abtest.analysis.money.facts import of_values, read_money
from abtest.analysis.money.worth import money_of
from abtest.analysis.planning.recorded import as_declared
from abtest.analysis.population import population_of
from abtest.analysis.readable import readable_dates
from abtest.analysis.records import Comparer
from abtest.analysis.result import Result
from abtest.analysis.segments.columns import segment_columns
from abtest.analysis.segments.effects import segment_results
from abtest.analysis.segments.slices import entry_weeks, segments_of, units_by_day
from abtest.analysis.sequential.counted import matured_of
from abtest.analysis.sequential.interim import is_running, parts_within_plan, within_plan
from abtest.analysis.sequential.locking import (
    Comparing,
    count_once,
    kept_of,
    readings_once_more,
    restated_checks,
)
from abtest.analysis.sequential.looks import log_beside
from abtest.analysis.skew import shapes_of, skewed_readings
from abtest.analysis.summaries import Wish, need_passes, summarize
from abtest.analysis.table_names import as_given
from abtest.analysis.unsupported import unsupported_in
from abtest.analysis.verdicts import with_verdicts
from abtest.analysis.waterfall import waterfall
from abtest.errors import DataError, Fault, SpecError
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.open_engine import EngineOptions, open_engine
from abtest.sources.tables import Table, UnitsTable
from abtest.spec import Draft, LoadedSpec, Spec, draft_mapping, draft_spec
from abtest.spec.cells import with_cells
from abtest.spec.faults import nearest
from abtest.spec.weight_history import with_history

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import narwhals as nw

    from abtest.analysis.event_rows import EventRows
    from abtest.analysis.money.result import Money
    from abtest.analysis.netting import TakenOff
    from abtest.analysis.population import Population
    from abtest.analysis.result import Check
    from abtest.analysis.sequential.looks import LookLog
    from abtest.analysis.summaries import Found, Summaries
    from abtest.sources.duckdb_engine import OnBadLines
    from abtest.sources.engine import Engine
    from abtest.sources.wanted import Wanted
    from abtest.spec.lock import Lock


def analyze(  # noqa: PLR0913 - each is a choice of the person who asks
    spec: str | Path | Mapping[str, Any] | Spec | LoadedSpec,
    *,
    data: Mapping[str, Any] | None = None,
    as_of: str | date | None = None,
    engine: str | Engine | None = None,
    spark_master: str | None = None,
    on_bad_lines: OnBadLines = "fail",
    memory: str | None = None,
    progress: Callable[[str], None] | None = None,
    log: LookLog | None = None,
) -> Result:
    """Analyse an experiment.

    Args:
        spec: A spec's file, or the same as a mapping or a Spec (paths are then relative to the
            working directory).
        data: Tables to use instead of the spec's paths, by name: ``assignments``, ``units`` or a
            stream of events. A path, or a data frame.
        as_of: The instant up to which, and excluding which, the data are complete; overrides the
            spec's.
        engine: Where the rows are read and counted: ``duckdb`` (the default), ``polars``,
            ``pandas``, ``pyarrow``, ``spark``, or an engine of your own. Without one, tables that
            are all Polars or all PySpark frames stay where they are.
        spark_master: Where Spark is started if no session runs; ``local[2]`` by default.
        on_bad_lines: What to do about broken lines of CSV files: ``fail`` names the first one,
            ``skip`` leaves them out and counts them.
        memory: How much memory DuckDB takes before it writes to disk, such as ``8GB``; 3500MB by
            default.
        progress: Called with what is done next, at each step of a long analysis.
        log: The looks before this one, where the spec has a sequential plan; those that
            ``abtest monitor`` logged beside the spec's file if nothing is said.

    Returns:
        The result: records, checks and the verdict.

    Raises:
        SpecError: The spec is at fault, or asks for something this version cannot do.
        DataError: A file, a column or a value is at fault, or the spec's lock was edited.
    """
    draft, tables = _draft(spec), data or {}
    plan, lock = draft.loaded.spec, lock_of(draft.loaded)
    frozen = draft if lock is None or draft.faults else _as_frozen(draft.loaded, lock)
    options = EngineOptions(plan.data.currency, on_bad_lines, spark_master, memory)
    opened = open_engine(engine, draft.loaded.folder, plan.schedule.timezone, tables, options)
    try:
        loaded = check_spec(frozen, tables, opened).require()
        refuse_unfixed_caps(loaded)
        cutoff = _cutoff(loaded, as_of)
        known = log_beside(loaded) if log is None else log
        full = with_past_prior(loaded)
        told = as_given(full, tables)
        result = _Analysis(told, opened, cutoff, progress or _silent, known).result()
        result = telling_the_prior(result.model_copy(update=as_declared(full)), loaded)
        held = draft.loaded
        return without_lock(result, held) if lock is None else under_lock(result, held, lock)
    finally:
        if opened is not engine:  # who opened it closes it
            opened.close()


def check_spec(
    draft: Draft,
    data: Mapping[str, Any],
    engine: Engine | None = None,
    *,
    to_analyze: bool = True,
) -> Draft:
    """The draft with what only the data, or the wish to analyze them, can show to be wrong.

    Args:
        draft: A spec and its faults.
        data: Tables to use instead of the spec's paths, by name.
        engine: Where to look for columns; DuckDB if none is given.
        to_analyze: Also refuse what this version cannot analyse.

    Raises:
        DataError: ``data`` names a table that the spec does not have.
    """
    spec, folder = draft.loaded.spec, draft.loaded.folder
    if not draft.faults:  # a table with faults is not in what is left of the spec
        _refuse_unknown_tables(spec, data)
    engine = engine or DuckDBEngine(folder, spec.schedule.timezone, data)
    faults = missing_columns(as_given(spec, data), engine)
    return draft.with_faults([*faults, *unsupported_in(spec)] if to_analyze else faults)


class _Analysis:
    """One analysis, step by step."""

    def __init__(
        self,
        spec: Spec,
        engine: Engine,
        cutoff: Cutoff | None,
        step: Callable[[str], None],
        log: LookLog,
    ) -> None:
        self._declared = spec
        self._spec = with_cells(spec)
        self._engine = engine
        self._cutoff = cutoff
        self._step = step
        self._log = log
        self._variants = [variant.key for variant in self._spec.variants or ()]

    def result(self) -> Result:
        """Run all steps."""
        aggregates = read_aggregates(self._spec, self._engine, self._cutoff)
        if aggregates is None:
            return self._result_of_rows()
        population, found = aggregates.population, aggregates.found
        checks = run_checks(self._spec, population, found, [])
        data = self._spec.data
        tables = {"totals": data.totals, "moments": data.moments}
        read = {name: table for name, table in tables.items() if table is not None}
        return self._compared(population, found, (*checks, *self._on_reading(read, [])))

    def _result_of_rows(self) -> Result:
        """From one row per unit, or from events of units."""
        spec, engine, cutoff = self._spec, self._engine, self._cutoff
        self._step("Reading who got which variant")
        population = population_of(spec, engine, cutoff, _columns(spec))
        again = readings_once_more(spec, self._log, cutoff)
        facts = Facts(watched(spec), engine, population, cutoff, again)
        self._step("Reading what each unit did" if facts.streams else "Adding up")
        wish = Wish(
            self._variants,
            history=facts.history,
            largest=facts.anchors,
            totals=facts.totals,
            stratified=population.stratified,
            late=facts.late,
        )
        frame, readings = facts.frame(), facts.readings
        skewed = skewed_readings(spec)
        more = spec.cluster is not None or spec.analysis.segments or skewed or facts.matured
        days = units_by_day(engine, population)
        if more or len(days) > 1 or need_passes(readings):
            frame = engine.materialize(frame)
        found = summarize(engine, frame, readings, wish)
        if spec.cluster is not None:
            found = in_clusters(engine, frame, readings, found, facts.history)
        shapes = shapes_of(engine, frame, skewed, self._variants)
        found = replace(found, shapes=shapes, days=days)
        found = self._in_parts(population, facts, frame, found)
        events = self._event_rows(population, facts, found)
        checks = run_checks(spec, population, found, events)
        off = self._taken_off(population, facts)
        reading = self._on_reading(self._tables_read(facts), off)
        money = money_of(spec, read_money(spec, engine, population, cutoff))
        return self._compared(population, found, (*checks, *reading), money)

    def _in_parts(
        self, population: Population, facts: Facts, frame: nw.LazyFrame[Any], found: Found
    ) -> Found:
        """What is known of parts of the units: segments, weeks, the largest, and before."""
        spec, engine = self._spec, self._engine
        return replace(
            found,
            weekly=weekly_of(spec, engine, frame, facts, found.summaries),
            segments=segments_of(spec, engine, population, frame, facts),
            weeks=entry_weeks(spec, engine, found.days, frame, facts),
            largest_values=largest_values(spec, engine, frame, facts.readings),
            balance=balance_of(spec, engine, population, frame, facts),
            matured=matured_of(engine, frame, facts, facts.wish(self._variants)),
        )

    def _compared(
        self,
        population: Population,
        found: Found,
        checks: tuple[Check, ...],
        money: Money | None = None,
    ) -> Result:
        spec, engine, cutoff, log = self._spec, self._engine, self._cutoff, self._log
        self._step("Comparing variants")
        as_of = cutoff.iso if cutoff is not None else ""
        counting = count_once(spec, found.summaries, found.matured, log, as_of)
        summaries = counting.summaries
        comparer = Comparer(
            spec, population, summaries, readable_dates(spec, cutoff, found.largest)
        )
        parts = segment_results(spec, population, found, comparer)
        every = (*comparer.records(), *parts.records)
        records, looks = within_plan(spec, comparer, every, log, as_of)
        checks = (*checks, *health_checks(spec, population, found, records))
        part = Comparing(comparer, population)
        checks = (*checks, *restated_checks(counting))
        # Money has no interval that allows for several looks.
        paid = None if is_running(records) else money
        decision = decide(spec, checks, records, paid)
        records = with_verdicts(spec, records, decision, paid)
        return Result(
            experiment=spec.key,
            spec=self._declared.to_dict(),
            spec_fingerprint=self._declared.fingerprint(),
            seed=spec.seed,
            timezone=spec.schedule.timezone,
            as_of=cutoff.iso if cutoff is not None else None,
            data_fingerprints=engine.fingerprints(),
            abtest_version=__version__,
            checks=checks,
            waterfall=waterfall(spec, population, summaries),
            estimates=comparer.estimates(),
            results=records,
            balance=found.balance,
            weekly=parts_within_plan(spec, found.weekly),
            curves=tuple(curves(spec, summaries)),
            looks=looks,
            counted=kept_of(spec, counting, found.matured, part, log),
            sensitivity=(
                *_sensitivity(spec, comparer, summaries, parts.sensitivity),
                *(() if is_running(records) else pooled_readings(spec, comparer)),
            ),
            posteriors=control_posteriors(comparer.posteriors, self._control()),
            money=money,
            decision=decision,
        )

    def _event_rows(self, population: Population, facts: Facts, found: Found) -> list[EventRows]:
        if self._cutoff is None:
            return []
        counter = RowCounter(self._spec, self._engine, population, self._cutoff, facts.reader)
        rows = []
        for stream in facts.streams:
            self._step(f"Checking rows of {stream}")
            rows.append(counter.count(stream, found))
        return rows

    def _taken_off(self, population: Population, facts: Facts) -> list[TakenOff]:
        return [
            taken
            for stream in facts.streams
            if (taken := facts.reader.taken_off(stream, population.frame)) is not None
        ]

    def _on_reading(self, tables: Mapping[str, Table], off: Sequence[TakenOff]) -> list[Check]:
        """What was not read: rows that the spec leaves out or takes off, and broken lines."""
        self._step("Counting what was left out")
        left_out = {name: self._engine.left_out(name, table) for name, table in tables.items()}
        found = [
            rows_left_out(left_out),
            taken_off(off),
            skipped_lines(self._engine.bad_lines()),
        ]
        return [check for check in found if check is not None]

    def _tables_read(self, facts: Facts) -> dict[str, Table]:
        """The tables that were read, by name."""
        data = self._spec.data
        nets = [net.events for name in facts.streams if (net := data.events[name].net) is not None]
        tables: dict[str, Table] = {
            name: data.events[name] for name in sorted({*facts.streams, *facts.anchored, *nets})
        }
        if isinstance(data.assignments, Table):
            tables["assignments"] = data.assignments
        if isinstance(data.units, UnitsTable) and (
            data.assignments is None
            or column_covariates(self._spec)
            or segment_columns(self._spec)
            or self._spec.cluster
        ):
            tables["units"] = data.units
        return tables

    def _control(self) -> str:
        return self._spec.control.key if self._spec.control is not None else ""


def _columns(spec: Spec) -> list[Wanted]:
    """The columns that metrics, covariates and the decision in money read off one row per unit."""
    wanted = [*outcome_columns(spec), *outcome_columns(of_values(spec))]
    return list({want.name: want for want in wanted}.values())


def _sensitivity(
    spec: Spec, comparer: Comparer, summaries: Summaries, segments: tuple[dict[str, Any], ...]
) -> tuple[dict[str, Any], ...]:
    """Other readings of the same data."""
    others = (
        *censored_readings(spec, summaries),
        *capped_readings(spec, summaries),
        *segments,
    )
    return (*parts_within_plan(spec, others), *prior_sensitivity(spec, comparer))


def _silent(step: str) -> None:
    """Nobody asked what is done next."""


def _as_frozen(loaded: LoadedSpec, lock: Lock) -> Draft:
    """The spec with what its lock alone knows: which weights ran when, and what is fixed."""
    weighted = replace(loaded, spec=with_history(loaded, lock))
    return Draft(replace(weighted, spec=with_fixed(weighted, lock.fixed)), ())


def _draft(spec: str | Path | Mapping[str, Any] | Spec | LoadedSpec) -> Draft:
    if isinstance(spec, LoadedSpec):
        return Draft(spec, ())
    if isinstance(spec, Spec):
        return draft_mapping(spec.to_dict())
    if isinstance(spec, str | Path):
        return draft_spec(spec)
    return draft_mapping(spec)


def _refuse_unknown_tables(spec: Spec, data: Mapping[str, Any]) -> None:
    known = list(spec.data.events)
    tables = ("assignments", "units", "totals", "moments")
    known += [name for name in tables if getattr(spec.data, name) is not None]
    for name in data:
        if name not in known:
            raise DataError(
                f"data names {name!r}, which is no table of the spec", nearest(name, known)
            )


def _cutoff(loaded: LoadedSpec, as_of: str | date | None) -> Cutoff | None:
    spec = loaded.spec
    given = as_of.isoformat() if isinstance(as_of, date) else as_of
    text = given or spec.data.as_of
    if text is None and spec.data.assignments is None:
        return None
    if text is None:
        message = "is missing; event logs need the instant up to which they are complete"
        hint = "add `as_of: 2026-03-01` to data, or pass --as-of 2026-03-01"
        raise SpecError([loaded.document.placed(Fault(("data", "as_of"), message, hint))])
    try:
        return Cutoff.parse(text, spec.schedule.timezone)
    except ValueError as error:
        raise SpecError([Fault(("as_of",), str(error))]) from error
