"""What must hold for an experiment as a whole, whoever prepares it."""

from abtest.assignment.formula import digits_of, unit_text
from abtest.assignment.parts import (
    Holdout,
    Layer,
    Phase,
    Schedule,
    Split,
    check_weights,
    pairs_of,
)
from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.assignment.formula import Start
    from abtest.assignment.ranges import Ranges


def check_parts(layer: object, holdout: object, phases: object, schedule: object) -> None:
    """Refuse parts of another type, such as a plain tuple.

    Raises:
        AssignmentError: One of them is.
    """
    for name, value, kind in (
        ("layer", layer, Layer),
        ("holdout", holdout, Holdout),
        ("schedule", schedule, Schedule),
    ):
        if value is not None and not isinstance(value, kind):
            raise AssignmentError(
                f"{name} is {repr(value)[:60]}; it must be a {kind.__name__} or None."
            )
    if not isinstance(phases, (tuple, list)) or not all(isinstance(p, Phase) for p in phases):
        raise AssignmentError(f"phases is {repr(phases)[:60]}; it must be a list of Phase.")


def check_salts(seed: str, layer: Layer | None, holdout: Holdout | None) -> None:
    """Refuse shared salts: a shared salt is a shared hash, which biases the split.

    Raises:
        AssignmentError: Two salts are the same.
    """
    salts = {"seed": seed}
    if layer is not None:
        salts["layer.salt"] = layer.salt
    if holdout is not None:
        salts["holdout.salt"] = holdout.salt
    seen: dict[str, str] = {}
    for name, salt in salts.items():
        if salt in seen:
            raise AssignmentError(
                f"{name} is {salt!r}; it must differ from {seen[salt]}.\n"
                "  Hint: with one salt for both, the same units always come first in both."
            )
        seen[salt] = name


def check_variants(variants: object) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The variants' keys and their weights.

    Raises:
        AssignmentError: They are no pairs, a key is not valid or used twice, or a weight is not.
    """
    pairs = pairs_of(variants, "variants")
    if not pairs:
        raise AssignmentError("variants is empty; it must hold at least one variant.")
    names: list[str] = []
    for name, _ in pairs:
        if not isinstance(name, str) or not name:
            raise AssignmentError(
                f"variants holds the key {name!r}; it must be text of at least one character."
            )
        if name in names:
            raise AssignmentError(f"variants holds {name!r} twice; each key must be used once.")
        names.append(name)
    weights = check_weights([weight for _, weight in pairs], "weights")
    return tuple(names), weights


def phase_splits(base: Split, phases: "Sequence[Phase]") -> tuple[Split, ...]:
    """The split of each phase, with what it leaves out from the one before.

    Weights without ranges bring the formula's own intervals back.

    Raises:
        AssignmentError: A phase is out of order, or its weights or ranges do not fit.
    """
    splits: list[Split] = []
    split = base
    for index, phase in enumerate(phases):
        if index and phase.start <= phases[index - 1].start:
            raise AssignmentError(
                f"phases.{index} starts at {phase.start.isoformat()}; it must start after the "
                "phase before it."
            )
        weights, ranges = split.weights, split.ranges
        if phase.weights is not None:
            weights, ranges = phase.weights, None
            _one_each(weights, f"phases.{index}.weights", "weights", base.names)
        if phase.ranges is not None:
            ranges = phase.ranges
            _one_each(ranges, f"phases.{index}.ranges", "lists", base.names)
            _check_ranges(ranges, weights, base.names, f"phases.{index}.ranges")
        parts = split.coverage_parts if phase.coverage_parts is None else phase.coverage_parts
        split = Split(base.names, weights, parts, ranges)
        splits.append(split)
    return tuple(splits)


def _one_each(values: "Sequence[object]", name: str, what: str, names: tuple[str, ...]) -> None:
    if len(values) != len(names):
        raise AssignmentError(
            f"{name} has {len(values)} {what}; it must have one for each of the {len(names)} "
            "variants."
        )


def _check_ranges(
    ranges: "tuple[Ranges, ...]", weights: tuple[int, ...], names: tuple[str, ...], where: str
) -> None:
    from abtest.assignment.ranges import range_faults  # noqa: PLC0415 - few experiments need it

    by_name = dict(zip(names, ranges, strict=True))
    for name, message in range_faults(by_name, dict(zip(names, weights, strict=True))):
        raise AssignmentError(f"{where}{name and f' of {name!r}'} {message}.")


def check_overrides(overrides: object, names: tuple[str, ...], start: "Start") -> dict[str, str]:
    """The overrides by the units' text.

    Raises:
        AssignmentError: A unit cannot be hashed or is there twice, or a variant does not exist.
    """
    if not hasattr(overrides, "items"):
        raise AssignmentError(
            f"overrides is {repr(overrides)[:60]}; it must map unit ids to variants."
        )
    checked: dict[str, str] = {}
    for unit, variant in overrides.items():
        text = unit_text(unit)
        digits_of(start, text)  # refuses what could never be hashed
        if variant not in names:
            raise AssignmentError(
                f"overrides gives {text!r} the variant {variant!r}; it must be one of "
                f"{', '.join(names)}."
            )
        if text in checked:
            raise AssignmentError(f"overrides holds unit {text!r} twice, as text and as integer.")
        checked[text] = variant
    return checked
