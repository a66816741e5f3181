"""The log of a sequential plan: one line for each look, appended and never rewritten.

The file is ``looks.jsonl`` beside the spec. Each line is one JSON object: a look, or a restatement
of an earlier look that other data gave later. What was decided then stays as it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from abtest.analysis.sequential.counted import Counted
from abtest.analysis.sequential.log_chain import read_chain, refuse_lost, text_of
from abtest.errors import DataError
from abtest.stats.sequential.recursion import LEAST_STEP

if TYPE_CHECKING:
    from abtest.spec import LoadedSpec

FILE = "looks.jsonl"
_HINT = "Lines are written by `abtest monitor`; restore the file from your backup."
State = Literal["running", "crossed", "ended"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Final(_Frozen):
    """What the plan says of a comparison at its stop or its end: it stays, whatever comes later."""

    pvalue: float | None = None
    difference: float | None = None
    difference_ci_low: float | None = None
    difference_ci_high: float | None = None
    lift: float | None = None
    lift_ci_low: float | None = None
    lift_ci_high: float | None = None


class LookRow(_Frozen):
    """One comparison at one look.

    Attributes:
        metric: The metric's key.
        variant: The treatment.
        date: The day of ``as_of``.
        as_of: Up to when the data were complete.
        engine: ``lan_demets`` or ``confidence_sequence``.
        n: Mature units of the variant.
        n_control: Those of control.
        value: The variant's value.
        value_control: Control's.
        difference: Treatment minus control.
        ci_low: The difference's interval that is valid over all looks; None where it is not
            bounded.
        ci_high: Its other end.
        lift: Relative difference.
        lift_ci_low: Its interval, by the same pivot.
        lift_ci_high: Its other end.
        information_fraction: Information as a share of the plan's maximum.
        statistic: The metric's statistic on the normal scale.
        boundary: How far the statistic must be from 0 to stop; None where nothing may stop yet,
            and for confidence sequences.
        spent: Cumulative alpha of the comparison after the look.
        pvalue_always_valid: Of a confidence sequence: the smallest so far.
        is_look: Whether it counts as a look of the plan.
        crossed: Whether it crossed a boundary at this look.
        state: Whether the comparison goes on.
        final: What is said at the stop or the end.
    """

    metric: str
    variant: str
    date: str
    as_of: str
    engine: Literal["lan_demets", "confidence_sequence"]
    n: int
    n_control: int
    value: float | None = None
    value_control: float | None = None
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    lift: float | None = None
    lift_ci_low: float | None = None
    lift_ci_high: float | None = None
    information_fraction: float | None = None
    statistic: float | None = None
    boundary: float | None = None
    spent: float | None = None
    pvalue_always_valid: float | None = None
    is_look: bool = True
    crossed: bool = False
    state: State = "running"
    final: Final | None = None


class Split(_Frozen):
    """The units assigned so far, and how much they speak against the planned split."""

    counts: dict[str, int]
    expected_shares: dict[str, float]
    log_e_value: float | None
    """None stands for infinite: a variant that was to get nobody has a unit."""


class Look(_Frozen):
    """One line of the log.

    Attributes:
        schema_: The version of the format.
        type: A look, or a restatement of one: what it would be by the tables as they were later.
        experiment: The experiment's key.
        as_of: Up to when the data of the look were complete.
        plan: What must not change between looks.
        final: Whether the plan was ended with it.
        rows: The comparisons.
        split: The units assigned, and how they were split.
        failed_checks: The checks that failed.
        counted: What the look counted; later looks add to it, and it never changes.
        tables: What the tables said of the same units.
        found_on: Up to when the data were complete that a restatement was found in.
        spec_fingerprint: Of the spec's meaning.
        abtest_version: What wrote the line.
    """

    schema_: Literal["abtest-look/v1"] = "abtest-look/v1"
    type: Literal["look", "restatement"]
    experiment: str
    as_of: str
    plan: dict[str, Any]
    final: bool = False
    rows: tuple[LookRow, ...]
    split: Split | None = None
    failed_checks: tuple[str, ...] = ()
    counted: tuple[Counted, ...] = ()
    tables: tuple[Counted, ...] = ()
    found_on: str | None = None
    spec_fingerprint: str
    abtest_version: str

    def line(self) -> str:
        """The look as one line of JSON."""
        unsaid = {"found_on"} if self.found_on is None else set()
        data = self.model_dump(mode="json", exclude=unsaid)
        return json.dumps({"schema": data.pop("schema_"), **data}, ensure_ascii=False) + "\n"

    def same_numbers(self, other: Look) -> bool:
        """Whether another reading of the same night found the same."""
        same_split = self.split == other.split
        return _read_off(self) == _read_off(other) and same_split and self.final == other.final


def _read_off(look: Look) -> list[tuple[object, ...]]:
    """What was read from the data, without what the plan makes of it."""
    return [
        (row.metric, row.variant, row.n, row.n_control, row.value, row.value_control, row.statistic)
        for row in look.rows
    ]


@dataclass(frozen=True, slots=True)
class LookLog:
    """What is known of the looks before an analysis, and what it is itself.

    Attributes:
        looks: The lines of the log, oldest first.
        final: Whether the plan ends with this reading, however much is mature.
        afresh: Whether a night that is in the log is read anew, not shown as it was logged.
    """

    looks: tuple[Look, ...] = ()
    final: bool = False
    afresh: bool = False

    def before(self, as_of: str) -> tuple[Look, ...]:
        """The looks of earlier nights; all of them where the data have no date."""
        looks = [look for look in self.looks if look.type == "look"]
        if not as_of:
            return tuple(looks)
        return tuple(look for look in looks if _instant(look.as_of) < _instant(as_of))

    def last(self, as_of: str) -> Look | None:
        """The latest look up to a night that says what it counted; None without one."""
        if not as_of:
            return None
        looks = [look for look in self.looks if look.type == "look" and look.tables]
        up_to = [look for look in looks if _instant(look.as_of) <= _instant(as_of)]
        return up_to[-1] if up_to else None

    def tables_of(self, look: Look) -> tuple[Counted, ...]:
        """What the tables said of a look's units when they were last read."""
        known = [other.tables for other in self.looks if other.as_of == look.as_of]
        return known[-1]

    def of(self, as_of: str) -> Look | None:
        """The logged look of one night."""
        if self.afresh or not as_of:
            return None
        same = (
            look
            for look in self.looks
            if look.type == "look" and _instant(look.as_of) == _instant(as_of)
        )
        return next(same, None)


def _instant(as_of: str) -> datetime:
    instant = datetime.fromisoformat(as_of)
    if instant.tzinfo is None:
        raise ValueError(f"{as_of} has no offset.")
    return instant


def log_beside(loaded: LoadedSpec) -> LookLog:
    """The log beside a spec's file; an empty one where there is no plan, or no file."""
    if loaded.spec.analysis.sequential is None or not loaded.document.file:
        return LookLog()
    return LookLog(read_log(Path(loaded.document.file).parent, loaded.spec.key).looks)


@dataclass(frozen=True, slots=True)
class LogFile:
    """The log of an experiment as it is on disk.

    Attributes:
        looks: Its lines, oldest first.
        chain: The fingerprint of all of them.
        unchained: How many an earlier version wrote, which say nothing of those before them.
    """

    looks: tuple[Look, ...] = ()
    chain: str = ""
    unchained: int = 0


def read_log(folder: Path, experiment: str) -> LogFile:
    """The log of an experiment; empty where there is none.

    Raises:
        DataError: A line is no look, is of another experiment, or is out of order; or a line was
            changed, moved or removed.
    """
    path = folder / FILE
    lines = text_of(path).splitlines()
    if not lines:
        refuse_lost(path)
        return LogFile()
    found: list[Look] = []
    chain = read_chain(path, lines)
    for number, line in enumerate(chain.lines, start=1):
        look = _look(f"{path}:{number}", line)
        if look.experiment != experiment:
            raise DataError(
                f"{path}:{number} is a look at {look.experiment!r}, not at {experiment!r}",
                "Give each experiment a folder of its own.",
            )
        earlier = [other.as_of for other in found if other.type == "look"]
        if look.type == "look" and earlier and _instant(look.as_of) <= _instant(earlier[-1]):
            raise DataError(
                f"{path}:{number} is a look of {look.as_of}, but {earlier[-1]} came before it",
                "The log is only ever appended to; restore it from your backup.",
            )
        found.append(look)
    _refuse_shrinking(path, found)
    return LogFile(tuple(found), chain.last, chain.unchained)


def _refuse_shrinking(path: Path, looks: list[Look]) -> None:
    """Nothing is computed from information that was edited: it grows from look to look."""
    most: dict[tuple[str, str], float] = {}
    for look in looks:
        for row in look.rows if look.type == "look" else ():
            if row.engine != "lan_demets" or not row.is_look:
                continue
            key, share = (row.metric, row.variant), row.information_fraction or 0.0
            if share - most.get(key, 0.0) < LEAST_STEP:
                raise DataError(
                    f"{path}: at the look of {look.as_of} {share:.4g} of the plan of {row.metric}, "
                    f"{row.variant} is mature, after {most.get(key, 0.0):.4g} before; it must grow",
                    _HINT,
                )
            most[key] = share


def _look(where: str, line: str) -> Look:
    try:
        data = json.loads(line)
        _instant(data["as_of"])
        return Look.model_validate({"schema_": data.pop("schema"), **data})
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{where} is no look of a sequential plan", _HINT) from error
