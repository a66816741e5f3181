"""A result held against its frozen plan: what differs, and what that makes of each number.

A record is confirmatory where nothing that it depends on has changed since the plan was frozen,
amended where it was changed with a date and a reason, and exploratory where it was changed silently
or in a way that no reason can make good.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abtest.analysis.archive.past_priors import archive_values
from abtest.analysis.result import Decision, PlanChange, PlanLock, Record, Result
from abtest.analysis.verdicts import undecided
from abtest.instants import parse_instant
from abtest.metrics.ratio import RatioMetric
from abtest.sentences import Sentence, joined, sentence
from abtest.spec.drift import changed, changes_of, in_blocks
from abtest.spec.lock import lock_path, read_lock
from abtest.spec.plan_values import path_text, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from abtest.spec import LoadedSpec, Spec
    from abtest.spec.drift import Change
    from abtest.spec.lock import Amendment, Lock
    from abtest.spec.plan_values import Steps, Values

# A change of one of these after the first units entered leaves two experiments in one.
_BREAKING = ("key", "unit", "cluster", "control")
_BREAKING_SPLIT = ("seed", "hash", "stratify")
_MOST_NAMED = 5
# These move no number of a record.
_WITHOUT_NUMBERS = ("hypothesis", "decision", "primary", "kind", "plan")


def lock_of(loaded: LoadedSpec) -> Lock | None:
    """The lock beside a spec's file; None where there is none, or no file.

    Raises:
        DataError: The lock cannot be read, or was edited.
    """
    if not loaded.document.file:
        return None
    return read_lock(lock_path(Path(loaded.document.file)))


def under_lock(result: Result, loaded: LoadedSpec, lock: Lock) -> Result:
    """The result with its differences from the plan by name, and each record's label.

    Args:
        result: The result of an analysis.
        loaded: The spec as it is written.
        lock: The frozen plan.
    """
    spec, drift = loaded.spec, _Drift(loaded.spec, lock, archive_values(loaded))
    plan_lock = drift.plan_lock(lock_path(Path(loaded.document.file)).name)
    records = tuple(
        record.model_copy(update={"label": drift.label(record)}) for record in result.results
    )
    decision = _held_back(result.decision, plan_lock, records)
    held = {
        "lock": plan_lock,
        "results": undecided(records) if decision.rule_line == "lock" else records,
        "decision": decision,
        "spec_fingerprint": spec.fingerprint(),
        "sentences": {},  # collected anew
    }
    return Result(**{name: getattr(result, name) for name in Result.model_fields} | held)


class _Drift:
    """Every change since freezing, and which records each touches."""

    def __init__(self, spec: Spec, lock: Lock, beside: Values) -> None:
        self._spec = spec
        self._lock = lock
        self._plan = lock.plan_now()
        silent = changes_of(self._plan, spec, beside)
        added = _added_to_explore(silent)
        self._silent = {
            path: change for path, change in silent.items() if _metric_of(path) not in added
        }
        self._explored = {
            path: change for path, change in silent.items() if _metric_of(path) in added
        }

    def plan_lock(self, file: str) -> PlanLock:
        """What the result says of its plan."""
        status = "drifted" if self._silent else "amended" if self._lock.amendments else "as_frozen"
        return PlanLock(
            status=status,
            file=file,
            frozen_on=self._lock.frozen_on,
            sha256=self._lock.sha256,
            changes=tuple(self._changes()),
            fixed=self._lock.fixed,
        )

    def _changes(self) -> Iterator[PlanChange]:
        plan: Values = dict(self._lock.plan)
        for amendment in self._lock.amendments:
            changes = amendment.by_path()
            broken = [path for path in changes if self._breaks(amendment, path, plan)]
            for path, change in in_blocks(changes, plan).items():
                yield PlanChange(
                    path=path,
                    frozen=change.before,
                    present=change.after,
                    status="amended",
                    on=amendment.on,
                    reason=amendment.why,
                    exploratory=any(_is_in(other, path) for other in broken),
                )
            plan = changed(plan, changes)
        for path, change in in_blocks(self._silent, plan).items():
            yield PlanChange(
                path=path,
                frozen=change.before,
                present=change.after,
                status="silent",
                exploratory=True,
            )
        for path, change in in_blocks(self._explored, plan).items():
            yield PlanChange(path=path, present=change.after, status="exploratory")

    def _breaks(self, amendment: Amendment, path: str, plan: Values) -> bool:
        """Whether the change leaves two experiments in one: it came after the first entered."""
        start = self._spec.schedule.start
        zone = self._spec.schedule.timezone
        on = parse_instant(amendment.on, zone)
        if start is not None and on <= parse_instant(start, zone):
            return False
        match steps_of(path):
            case (head, *_) if head in _BREAKING:
                return True
            case ("assignment", name, *_) if name in _BREAKING_SPLIT:
                return True
            case ("factors", name, *_) if name != "cost":  # other cells, or another control
                return True
            case ("assignment", "phases", since, *_):  # a phase that has begun is rewritten
                begun = parse_instant(since, zone) <= on
                return begun and amendment.changes[path].before is not None
            case ("variants", key, "payload", *_):  # customers of one variant met two things
                return path_text(("variants", key, "weight")) in plan
        return False

    def label(self, record: Record) -> str:
        """The record's label; one that is descriptive or exploratory anyway stays so."""
        if record.label in {"descriptive", "exploratory"}:
            return record.label
        if self._touches(self._silent, record) or self._touches(self._explored, record):
            return "exploratory"
        label: str = record.label
        plan: Values = dict(self._lock.plan)
        for amendment in self._lock.amendments:
            for path, change in amendment.by_path().items():
                if not self._touches({path: change}, record):
                    continue
                if self._breaks(amendment, path, plan):
                    return "exploratory"
                label = "amended"
            plan = changed(plan, amendment.by_path())
        return label

    def _touches(self, changes: Mapping[str, Change], record: Record) -> bool:
        return any(self._moves(steps_of(path), change, record) for path, change in changes.items())

    def _moves(self, steps: Steps, change: Change, record: Record) -> bool:
        """Whether a change can move the numbers of a record."""
        match steps:
            case (head, *_) if head in _WITHOUT_NUMBERS:
                return False
            case ("metrics", key, "role"):  # the family, whose p-values are adjusted together
                families = {change.before, change.after} - {"guardrail"}
                return record.metric in self._built_on(key) or record.role in families
            case ("metrics", key, *_):
                return record.metric in self._built_on(key)
            case ("analysis", "methods", key, *_):
                return record.metric == key
            case ("analysis", "correction", role):
                return record.role == role
            case ("analysis", "segments"):
                frozen = change.before if isinstance(change.before, list) else ()
                return record.segment is not None and _column(record.segment) not in frozen
        return True

    def _built_on(self, key: str) -> set[str]:
        """The metric and the ratios that it is part of."""
        ratios = [metric for metric in self._spec.metrics if isinstance(metric, RatioMetric)]
        built = {metric.key for metric in ratios if key in (metric.numerator, metric.denominator)}
        return {key, *built}


def _column(segment: str) -> str:
    """The attribute of a record's segment, which is named attribute=value."""
    return segment.partition("=")[0]


def _added_to_explore(changes: Mapping[str, Change]) -> set[str]:
    """Metrics that are new and say themselves that they explore: no plan speaks of them."""
    return {
        steps_of(path)[1]
        for path, change in changes.items()
        if path.startswith("metrics.")
        and steps_of(path)[2:] == ("role",)
        and (change.before, change.after) == (None, "exploratory")
    }


def _metric_of(path: str) -> str | None:
    """The metric that a path is about, and nothing else."""
    match steps_of(path):
        case ("metrics", key, *_) | ("analysis", "methods", key, *_):
            return key
    return None


def _is_in(path: str, block: str) -> bool:
    steps, outer = steps_of(path), steps_of(block)
    return steps[: len(outer)] == outer


def _held_back(decision: Decision, lock: PlanLock, records: Sequence[Record]) -> Decision:
    """The decision; nothing is shipped or called the same on a plan that was bent.

    What hurts is rolled back all the same: stopping harm needs no plan.
    """
    if decision.verdict not in {"ship", "neutral"}:
        return decision
    silent = [change.path for change in lock.changes if change.status == "silent"]
    if silent:
        reason = sentence(
            "The spec differs from its frozen plan, and nothing says why: {paths}. Put it back, or "
            "record it with `abtest amend`.",
            paths=_listed(silent),
        )
    elif any(record.role == "primary" and record.label == "exploratory" for record in records):
        broken = [change.path for change in lock.changes if change.exploratory]
        reason = sentence(
            "The plan was changed after the first customers had entered, in a way that no "
            "amendment makes good: {paths}. These numbers are a hint for the next experiment.",
            paths=_listed(broken),
        )
    else:
        return decision
    update = {"verdict": "inconclusive", "variant": None, "rule_line": "lock", "reason": reason}
    return decision.model_copy(update=update)


def _listed(paths: Sequence[str]) -> Sentence:
    named = list(dict.fromkeys(paths))
    told = joined(", ", named[:_MOST_NAMED])
    if len(named) <= _MOST_NAMED:
        return told
    return sentence("{paths} and {n} more", paths=told, n=len(named) - _MOST_NAMED)
