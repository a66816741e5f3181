"""One night of a sequential plan: read the data, and say what is to be logged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from abtest.analysis.analyze import analyze
from abtest.analysis.result import Check
from abtest.analysis.sequential.counted import NOT_MEASURING, Counted
from abtest.analysis.sequential.log_chain import chained
from abtest.analysis.sequential.looks import FILE, Look, LookLog, LookRow, Split, read_log
from abtest.errors import DataError, Fault, SpecError
from abtest.instants import parse_instant
from abtest.sentences import sentence
from abtest.spec import load_spec
from abtest.stats.sequential.split_process import split_log_e_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from abtest.analysis.result import Result
    from abtest.analysis.sequential.looks import LogFile
    from abtest.spec import LoadedSpec

Told = Literal["logged", "repeated", "restated", "over", "nothing", "drifted"]
SPLIT_CHECK = "sample_ratio_every_night"
_FIXED_SPLIT_CHECK = "sample_ratio"


@dataclass(frozen=True, slots=True)
class NightReport:
    """What a night found.

    Attributes:
        result: The analysis, with all looks.
        told: What becomes of the night: logged; repeated (the same look is in the log already);
            restated (other data for a night that is in the log); over (the plan has stopped
            before), nothing (no unit is mature) or drifted (the spec is not what was frozen,
            or its lock is gone).
        rows: Tonight's comparisons.
        restated: Nights that were logged before and read otherwise now.
        text: What is to be appended to the log; empty where nothing is.
        unchained: Lines of the log that an earlier version wrote without a chain.
        path: The log.
        exit_code: 0 go on, 3 a check failed, 5 the plan drifted, 10 a boundary was crossed.
    """

    result: Result
    told: Told
    rows: tuple[LookRow, ...]
    restated: tuple[str, ...]
    text: str
    unchained: int
    path: Path
    exit_code: int


def monitor(
    spec: str | Path,
    *,
    as_of: str | None = None,
    final: bool = False,
    progress: Callable[[str], None] | None = None,
    **choices: Any,  # noqa: ANN401 - what else analyze takes, passed on as it is
) -> NightReport:
    """Take one look at an experiment that has a sequential plan; nothing is written.

    Args:
        spec: The spec's file, which has ``analysis.sequential``.
        as_of: Up to when the data are complete; overrides the spec's.
        final: The plan ends tonight, however much is mature: what is left of alpha is spent.
        progress: Called with what is done next.
        choices: What else ``analyze`` takes: data, engine, memory.

    Returns:
        What was found, and what is to be appended to the log.

    Raises:
        SpecError: The spec has no sequential plan, or the analysis refuses it.
        DataError: The night lies before one that is in the log, the plan has changed since, or the
            data are at fault.
    """
    loaded = load_spec(spec)
    if loaded.spec.analysis.sequential is None:
        message = "is missing; without it the data are to be looked at once"
        hint = "add `sequential: {engine: lan_demets, max_units: N}`, and freeze the spec"
        fault = Fault(("analysis", "sequential"), message, hint)
        raise SpecError([loaded.document.placed(fault)])
    path = Path(spec).parent / FILE
    night = _Night(loaded, path, read_log(path.parent, loaded.spec.key), choices)
    return night.report(as_of, final=final, progress=progress)


class _Night:
    """One night, held against the log."""

    def __init__(
        self, loaded: LoadedSpec, path: Path, log: LogFile, choices: Mapping[str, Any]
    ) -> None:
        self._loaded = loaded
        self._path = path
        self._log = log.looks
        self._chain = log.chain
        self._unchained = log.unchained
        self._choices = choices
        self._looks = [look for look in log.looks if look.type == "look"]

    def report(
        self, as_of: str | None, *, final: bool, progress: Callable[[str], None] | None
    ) -> NightReport:
        self._refuse_earlier(as_of)
        result = self._read(as_of, final=final, progress=progress)
        look = _look_of(result, self._loaded, final=final)
        self._refuse_other_plan(look)
        told, lines = self._told(look, result)
        if result.exit_code == 5:
            told, lines = "drifted", []
        log_es = [entry.split for entry in (*self._log, look) if entry.split is not None]
        checks = (*result.checks, *_split_checks(log_es, result))
        result = result.model_copy(update={"checks": checks})
        return NightReport(
            result=result,
            told=told,
            rows=look.rows,
            restated=tuple(line.as_of for line in lines if line.type == "restatement"),
            text=chained([line.line() for line in lines], self._chain),
            unchained=self._unchained,
            path=self._path,
            exit_code=_exit_code(result, look, self._looks),
        )

    def _read(
        self, as_of: str | None, *, final: bool, progress: Callable[[str], None] | None = None
    ) -> Result:
        log = LookLog(self._log, final, afresh=True)
        return analyze(self._loaded, as_of=as_of, log=log, progress=progress, **self._choices)

    def _refuse_earlier(self, as_of: str | None) -> None:
        """The night has no date, or one before the last in the log."""
        spec = self._loaded.spec
        given = as_of or spec.data.as_of
        if given is None:
            raise DataError(
                "the night has no date; looks are kept by date", "pass --as-of 2026-03-01"
            )
        if not self._looks:
            return
        latest = self._looks[-1].as_of
        if parse_instant(given, spec.schedule.timezone) < parse_instant(latest, "UTC"):
            raise DataError(
                f"as_of is {given}, but {self._path} has a look of {latest}",
                "Looks only go forward; `abtest analyze --as-of` reads an earlier day.",
            )

    def _refuse_other_plan(self, look: Look) -> None:
        if not self._looks:
            return
        old = self._looks[-1].plan
        changed = [key for key in look.plan if look.plan[key] != old.get(key)]
        if changed:
            key = changed[0]
            raise DataError(
                f"the sequential plan has changed since the first look: {key} was {old.get(key)} "
                f"and is {look.plan[key]}",
                f"What was spent cannot be spent anew; change it back, or remove {self._path} and "
                "begin again with data that nobody has looked at.",
            )

    def _told(self, look: Look, result: Result) -> tuple[Told, list[Look]]:
        """What becomes of the night, and the lines that are to be appended."""
        restated = self._restatements(look, result)
        same_night = [entry for entry in self._log if entry.as_of == look.as_of]
        if same_night:
            if restated:
                return "restated", restated
            if self._is_known(look, same_night):
                return "repeated", []
            return "restated", [look.model_copy(update={"type": "restatement", "counted": ()})]
        if self._is_over():
            return "over", []
        if not any(row.statistic is not None for row in look.rows):
            return "nothing", []
        return "logged", [*restated, look]

    def _is_known(self, look: Look, same_night: Sequence[Look]) -> bool:
        """Whether a night that is in the log reads as it did."""
        numbers = [entry for entry in same_night if entry.type == "look"]
        known = numbers if look.tables else same_night[-1:]
        return (
            any(look.same_numbers(entry) for entry in known)
            and any(look.split == entry.split for entry in same_night)
            and any(look.final == entry.final for entry in same_night)
        )

    def _is_over(self) -> bool:
        """Whether every primary comparison had stopped before; a sequence never has to stop."""
        if not self._looks:
            return False
        primary = {m.key for m in self._loaded.spec.metrics if m.role == "primary"}
        rows = [row for row in self._looks[-1].rows if row.metric in primary]
        if any(row.engine == "confidence_sequence" for row in rows):
            return False
        return self._looks[-1].final or all(row.state != "running" for row in rows)

    def _restatements(self, look: Look, result: Result) -> list[Look]:
        """What the last look would be, where the tables have changed for units that it counted."""
        kept = result.counted or {}
        if not kept.get("restated"):
            return []
        last = LookLog(self._log).last(look.as_of)
        if last is None:
            return []
        update = {
            "type": "restatement",
            "rows": tuple(LookRow.model_validate(row) for row in kept["restated"]),
            "counted": (),
            "tables": tuple(Counted.model_validate(one) for one in kept["restated_tables"]),
            "found_on": look.as_of,
        }
        return [last.model_copy(update=update)]


def _look_of(result: Result, loaded: LoadedSpec, *, final: bool) -> Look:
    rows = tuple(
        LookRow.model_validate(row) for row in result.looks if row["as_of"] == result.as_of
    )
    kept = result.counted or {}
    failed = tuple(
        check.key
        for check in result.checks
        if check.status == "fail" and check.key != _FIXED_SPLIT_CHECK
    )
    return Look(
        type="look",
        experiment=result.experiment,
        as_of=result.as_of or "",
        plan=_plan_of(result, loaded),
        final=final,
        rows=rows,
        split=_split_of(result),
        failed_checks=failed,
        counted=tuple(Counted.model_validate(one) for one in kept.get("counted", ())),
        tables=tuple(Counted.model_validate(one) for one in kept.get("tables", ())),
        spec_fingerprint=result.spec_fingerprint,
        abtest_version=result.abtest_version,
    )


def _plan_of(result: Result, loaded: LoadedSpec) -> dict[str, Any]:
    """What must not change between looks."""
    spec = loaded.spec
    return {
        **result.spec["analysis"]["sequential"],
        "alpha": result.spec["analysis"]["alpha"],
        "primary": sorted(metric.key for metric in spec.metrics if metric.role == "primary"),
        "variants": sorted(variant.key for variant in spec.variants or ()),
        **_primary_metrics(result),
    }


def _primary_metrics(result: Result) -> dict[str, Any]:
    """What is measured: metric.setting and its value."""
    return {
        f"{metric['key']}.{setting}": value
        for metric in result.spec["metrics"]
        if metric.get("role") == "primary"
        for setting, value in metric.items()
        if setting not in NOT_MEASURING
    }


def _split_of(result: Result) -> Split | None:
    found = [check.details for check in result.checks if check.key == _FIXED_SPLIT_CHECK]
    if not found or not sum(found[0]["counts"]):
        return None
    details = found[0]
    log_e = split_log_e_value(details["counts"], details["expected_shares"])
    return Split(
        counts=dict(zip(details["variants"], details["counts"], strict=True)),
        expected_shares=dict(zip(details["variants"], details["expected_shares"], strict=True)),
        log_e_value=log_e if math.isfinite(log_e) else None,
    )


def _split_checks(splits: Sequence[Split], result: Result) -> tuple[Check, ...]:
    """The sample ratio over all nights: the largest evidence against the planned split."""
    if not splits:
        return ()
    alpha = result.spec["analysis"]["sample_ratio_alpha"]
    log_es = [math.inf if s.log_e_value is None else s.log_e_value for s in splits]
    pvalue = math.exp(-max(0.0, *log_es)) if log_es else 1.0
    failed = pvalue <= alpha
    template = (
        "Looked at every night, the split is not what was planned: p = {p:.4g}."
        if failed
        else "Looked at every night, the split is what was planned: p = {p:.4g}."
    )
    hint = "Customers went missing or were counted twice in one variant. Find out why first."
    check = Check(
        key=SPLIT_CHECK,
        status="fail" if failed else "pass",
        message=sentence(template, p=pvalue),
        hint=sentence(hint) if failed else None,
        details={"pvalue": pvalue, "alpha": alpha, "nights": len(splits)},
    )
    return (check,)


def _exit_code(result: Result, look: Look, earlier: Sequence[Look]) -> int:
    if result.exit_code == 5:
        return 5
    failed = [check.key for check in result.checks if check.status == "fail"]
    if any(key != _FIXED_SPLIT_CHECK for key in failed):
        return 3
    crossed = any(row.crossed for entry in (*earlier, look) for row in entry.rows)
    return 10 if crossed else 0
