"""The compiled form of an experiment: JSON for services that carry neither YAML nor pydantic.

    {"format": "abtest-assignment/v1", "formula": "sha256-52", "key": "winback", "seed": "winback",
     "variants": [{"key": "control", "weight": 1}, {"key": "coupon", "weight": 1}],
     "coverage_parts": 10000,
     "layer": {"salt": "lifecycle", "slots": [[0, 5000]]},
     "holdout": {"salt": "holdout-2026", "share_parts": 500},
     "overrides": {"C000123": "coupon"},
     "phases": [{"from": "2026-01-08T00:00:00+00:00", "coverage_parts": 10000, "weights": [1, 3]}],
     "schedule": {"start": "2026-01-05T00:00:00+00:00", "enrol_until": "2026-01-19T00:00:00+00:00"}}

A phase may also have ``"ranges"``, one list of ``[start, end]`` per variant, half-open and counted
from 0 to 2**52, instead of the formula's intervals.

An unknown format, formula or key is refused: to guess would put units in wrong variants.
"""

import json
from datetime import datetime

from abtest.assignment.experiment import Experiment
from abtest.assignment.formula import FORMULA, check_salt
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule
from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FORMAT = "abtest-assignment/v1"
_REQUIRED = ("format", "formula", "key", "seed", "variants", "coverage_parts")
_OPTIONAL = ("layer", "holdout", "overrides", "phases", "schedule")


def write(experiment: Experiment) -> str:
    """The experiment as JSON text, in ASCII: it survives a reader with the wrong encoding."""
    data: dict[str, object] = {
        "format": FORMAT,
        "formula": FORMULA,
        "key": experiment.key,
        "seed": experiment.seed,
        "variants": [{"key": key, "weight": weight} for key, weight in experiment.variants],
        "coverage_parts": experiment.coverage_parts,
    }
    if experiment.layer is not None:
        data["layer"] = {"salt": experiment.layer.salt, "slots": experiment.layer.slots}
    if experiment.holdout is not None:
        holdout = experiment.holdout
        data["holdout"] = {"salt": holdout.salt, "share_parts": holdout.share_parts}
    if experiment.overrides:
        data["overrides"] = dict(sorted(experiment.overrides.items()))
    if experiment.phases:
        data["phases"] = [_write_phase(phase) for phase in experiment.phases]
    if experiment.schedule is not None:
        ends = (
            ("start", experiment.schedule.start),
            ("enrol_until", experiment.schedule.enrol_until),
        )
        data["schedule"] = {name: at.isoformat() for name, at in ends if at is not None}
    return json.dumps(data, indent=2)


def _write_phase(phase: Phase) -> dict[str, object]:
    data: dict[str, object] = {"from": phase.start.isoformat()}
    if phase.coverage_parts is not None:
        data["coverage_parts"] = phase.coverage_parts
    if phase.weights is not None:
        data["weights"] = phase.weights
    if phase.ranges is not None:
        data["ranges"] = phase.ranges
    return data


def read(compiled: object) -> Experiment:
    """The experiment of a JSON text or of the mapping that it holds.

    Raises:
        AssignmentError: It is not this format and formula, or a value is not valid.
    """
    data = _parse(compiled) if isinstance(compiled, str) else compiled
    found = _get(data, "format")
    if found != FORMAT:
        raise AssignmentError(
            f"format is {found!r}; it must be {FORMAT!r}.\n"
            "  Hint: a file of a newer version needs a newer abtest."
        )
    if _get(data, "formula") != FORMULA:
        raise AssignmentError(f"formula is {_get(data, 'formula')!r}; it must be {FORMULA!r}.")
    fields = _object(data, "compiled experiment", _REQUIRED, _OPTIONAL)
    return Experiment(
        fields["key"],
        [_variant(item) for item in _list(fields["variants"], "variants")],
        seed=check_salt(fields["seed"], "seed"),
        coverage_parts=fields["coverage_parts"],
        layer=_layer(fields),
        holdout=_holdout(fields),
        overrides=_overrides(fields),
        phases=[_phase(item) for item in _list(fields.get("phases", []), "phases")],
        schedule=_schedule(fields),
    )


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        if isinstance(error, AssignmentError):
            raise
        raise AssignmentError(f"The compiled experiment is not valid JSON: {error}.") from None


def _no_duplicates(pairs: "list[tuple[str, object]]") -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise AssignmentError(f"The compiled experiment holds the key {twice!r} twice.")
    return data


def _get(data: object, name: str) -> object:
    return data.get(name) if _is_mapping(data) else None  # type: ignore[attr-defined]


def _is_mapping(value: object) -> bool:
    return hasattr(value, "items") and hasattr(value, "get")


def _object(
    value: "Any",  # noqa: ANN401 - what JSON holds is not known before it is checked
    name: str,
    required: "Iterable[str]",
    optional: "Iterable[str]" = (),
) -> "dict[str, Any]":
    if not _is_mapping(value):
        raise AssignmentError(f"{name} is {repr(value)[:60]}; it must be an object.")
    data = dict(value.items())
    known = [*required, *optional]
    for key in data:
        if key not in known:
            raise AssignmentError(
                f"{name} has the unknown key {key!r}; it must be one of {', '.join(known)}."
            )
    for key in required:
        if key not in data:
            raise AssignmentError(f"{name} has no {key!r}; it must have one.")
    return data


def _list(value: object, name: str) -> "list[Any]":
    if not isinstance(value, (list, tuple)):
        raise AssignmentError(f"{name} is {repr(value)[:60]}; it must be a list.")
    return list(value)


def _variant(item: object) -> "tuple[Any, Any]":
    data = _object(item, "variants", ("key", "weight"))
    return data["key"], data["weight"]


def _layer(fields: "dict[str, Any]") -> Layer | None:
    if "layer" not in fields:
        return None
    data = _object(fields["layer"], "layer", ("salt", "slots"))
    return Layer(data["salt"], data["slots"])


def _holdout(fields: "dict[str, Any]") -> Holdout | None:
    if "holdout" not in fields:
        return None
    data = _object(fields["holdout"], "holdout", ("salt", "share_parts"))
    return Holdout(data["salt"], data["share_parts"])


def _overrides(fields: "dict[str, Any]") -> "dict[str, Any]":
    value = fields.get("overrides", {})
    if not _is_mapping(value):
        raise AssignmentError(f"overrides is {repr(value)[:60]}; it must be an object.")
    return dict(value.items())


def _phase(item: object) -> Phase:
    data = _object(item, "phases", ("from",), ("coverage_parts", "weights", "ranges"))
    start = _instant(data["from"], "phases.from")
    return Phase(start, data.get("coverage_parts"), data.get("weights"), data.get("ranges"))


def _schedule(fields: "dict[str, Any]") -> Schedule | None:
    if "schedule" not in fields:
        return None
    data = _object(fields["schedule"], "schedule", (), ("start", "enrol_until"))
    return Schedule(**{name: _instant(text, f"schedule.{name}") for name, text in data.items()})


def _instant(text: object, name: str) -> datetime:
    try:
        return datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise AssignmentError(
            f"{name} is {repr(text)[:60]}; it must be an instant such as "
            "'2026-01-05T00:00:00+00:00'."
        ) from None
