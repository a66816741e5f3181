"""The weights and coverage that really ran, where they were amended while units entered.

A spec whose weights were edited says only what they are now. Its lock knows what they were, and
from when on an amendment changed them: that is a phase, so the split is judged against what each
unit met when it entered.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.errors import Fault, SpecError
from abtest.instants import parse_instant
from abtest.spec.drift import changed
from abtest.spec.plan_values import path_text
from abtest.spec.variants import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from pydantic import JsonValue

    from abtest.spec.experiment import Spec
    from abtest.spec.load import LoadedSpec
    from abtest.spec.lock import Lock
    from abtest.spec.plan_values import Values


@dataclass(frozen=True, slots=True)
class _Split:
    """What the spec itself said of the split, from one moment on; its phases come on top."""

    weights: dict[str, int]
    coverage: float
    since: str | None = None


def with_history(loaded: LoadedSpec, lock: Lock) -> Spec:
    """The spec with each amended change of weights or coverage as a phase from its date.

    The spec as it is where nothing of the kind was amended, or where it says something else than
    the lock: that is a silent change, and nobody knows since when.

    Raises:
        SpecError: The spec's own phases say that something else was in force.
    """
    spec = loaded.spec
    splits = list(_splits(spec, lock))
    now = _now(spec)
    last = splits[-1]
    if len(splits) == 1 or (last.weights, last.coverage) != (now.weights, now.coverage):
        return spec
    faults = [loaded.document.placed(fault) for fault in _contradictions(spec, splits)]
    if faults:
        raise SpecError(faults)
    return _rebuilt(spec, splits)


def _now(spec: Spec) -> _Split:
    weights = {variant.key: variant.weight for variant in spec.variants or ()}
    return _Split(weights, spec.assignment.coverage)


def _splits(spec: Spec, lock: Lock) -> Iterator[_Split]:
    """What was frozen, then what each amendment made of it; before the start all is the start."""
    plan: Values = dict(lock.plan)
    splits = [_split(spec, plan, None)]
    for amendment in lock.amendments:
        plan = changed(plan, amendment.by_path())
        split = _split(spec, plan, amendment.on)
        if (split.weights, split.coverage) == (splits[-1].weights, splits[-1].coverage):
            continue
        if not _is_running(spec, amendment.on):
            split = _Split(split.weights, split.coverage)
            splits = []
        splits.append(split)
    yield from splits


def _split(spec: Spec, plan: Values, since: str | None) -> _Split:
    weights = {
        variant.key: _number(plan.get(path_text(("variants", variant.key, "weight"))))
        for variant in spec.variants or ()
    }
    coverage = plan.get("assignment.coverage")
    known = coverage if isinstance(coverage, int | float) else spec.assignment.coverage
    return _Split(weights, float(known), since)


def _number(value: JsonValue) -> int:
    """A weight; a variant that the plan does not have gets none."""
    return value if isinstance(value, int) else 0


def _is_running(spec: Spec, at: str) -> bool:
    """Whether units enter already; without a start in the spec they may."""
    start = spec.schedule.start
    return start is None or _instant(spec, at) > _instant(spec, start)


def _instant(spec: Spec, text: str) -> datetime:
    return parse_instant(text, spec.schedule.timezone)


def _contradictions(spec: Spec, splits: Sequence[_Split]) -> Iterator[Fault]:
    """Amendments against phases of the spec that speak of the same."""
    hint = (
        "Leave the variants' weights and assignment.coverage as they were frozen and say the "
        "change in assignment.phases alone, or take the phase out."
    )
    for before, after in itertools.pairwise(splits):
        at = _instant(spec, after.since or "")
        for name in ("weights", "coverage"):
            told = getattr(after, name)
            if told == getattr(before, name) or not _phases_say(spec, name):
                continue
            in_force = _in_force(spec, name, getattr(splits[0], name), at)
            if _shares(in_force) != _shares(told):
                message = (
                    f"say that {_shown(in_force)} was in force on {after.since}; "
                    f"an amendment of that date says {_shown(told)}"
                )
                yield Fault(("assignment", "phases"), message, hint)


def _phases_say(spec: Spec, name: str) -> bool:
    return any(getattr(phase, name) is not None for phase in spec.assignment.phases)


def _in_force(spec: Spec, name: str, base: object, at: datetime) -> object:
    """What the phases of the spec say was in force at a moment."""
    for phase in spec.assignment.phases:
        said = getattr(phase, name)
        if said is not None and _instant(spec, phase.from_) <= at:
            base = said
    return base


def _shares(value: object) -> object:
    if not isinstance(value, dict):
        return value
    total = sum(value.values()) or 1
    return {name: weight / total for name, weight in value.items()}


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {weight}" for name, weight in value.items())
    return f"coverage {value}"


def _rebuilt(spec: Spec, splits: Sequence[_Split]) -> Spec:
    phases: dict[datetime, Phase] = {
        _instant(spec, phase.from_): phase for phase in spec.assignment.phases
    }
    for before, after in itertools.pairwise(splits):
        at = _instant(spec, after.since or "")
        new: dict[str, Any] = {
            name: getattr(after, name)
            for name in ("weights", "coverage")
            if getattr(after, name) != getattr(before, name) and not _phases_say(spec, name)
        }
        if new:
            there = phases.get(at) or Phase.model_validate({"from": after.since})
            phases[at] = there.model_copy(update=new)
    assignment = spec.assignment.model_copy(
        update={
            "coverage": splits[0].coverage,
            "phases": tuple(phases[at] for at in sorted(phases)),
        }
    )
    variants = _weighted(spec, splits[0].weights)
    return spec.model_copy(update={"assignment": assignment, "variants": variants})


def _weighted(spec: Spec, weights: Mapping[str, int]) -> Any:  # noqa: ANN401 - as the spec has it
    if spec.variants is None:
        return None
    return tuple(
        variant.model_copy(update={"weight": weights[variant.key]}) for variant in spec.variants
    )
