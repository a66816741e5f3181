"""A prepared experiment and the call that assigns a unit.

Order of decisions: holdout, override, layer, schedule, coverage, split. An override beats all but
the holdout, the schedule included, so that people can look at a variant before it starts.
"""
# ruff: noqa: SLF001 - assign() is a part of Experiment; as a method it would cost one more call

from abtest.assignment.checks import (
    check_overrides,
    check_parts,
    check_salts,
    check_variants,
    phase_splits,
)
from abtest.assignment.formula import (
    PARTS,
    check_integer,
    check_salt,
    digits_of,
    salted,
    unit_text,
)
from abtest.assignment.parts import Frozen, Holdout, Layer, Phase, Schedule, Split, instant
from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from os import PathLike
    from typing import SupportsIndex

    from abtest.assignment.formula import Start

    Overrides = Mapping[str, str] | Mapping[int, str] | Mapping[str | int, str]


class Assignment(tuple[str | None, str, int, int | None]):
    """What a unit gets, and why: an immutable tuple of four with names.

    Attributes:
        variant: The variant's key, or None if the unit is not in the experiment.
        reason: ``split`` (the hash decided), ``override``, ``holdout``, ``layer`` (another
            experiment owns the unit's slot), ``not_enrolled`` (coverage leaves it out) or
            ``outside_schedule``. Only ``split`` is analysed.
        bucket: The unit's place under the experiment's salt, 0 to 9,999, whatever the reason. For
            people to read; the decision is made on the finer number.
        phase: The index of the phase in force at ``at``; None before the first phase, without
            phases or without ``at``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return (
            f"Assignment(variant={self[0]!r}, reason={self[1]!r}, "
            f"bucket={self[2]!r}, phase={self[3]!r})"
        )

    @property
    def variant(self) -> str | None:
        """The variant's key, or None."""
        return self[0]

    @property
    def reason(self) -> str:
        """What decided."""
        return self[1]

    @property
    def bucket(self) -> int:
        """The unit's place under the salt, 0 to 9,999."""
        return self[2]

    @property
    def phase(self) -> int | None:
        """The index of the phase in force, or None."""
        return self[3]


class Experiment(Frozen):
    """An experiment made ready to assign: immutable, picklable, safe to share between threads.

    Args:
        key: The experiment's key.
        variants: Ordered pairs of a variant's key and its weight, a whole number. A weight of 0
            takes nobody (but may be forced, or set by a phase); the sum must be above 0.
        seed: The salt of the hash; the key where it is None. Never change it while running.
        coverage_parts: The share of units enrolled, in ten-thousandths. Raising it never moves a
            unit that is enrolled.
        layer: The slots this experiment owns, or None.
        holdout: The global holdout, or None.
        overrides: Units that get a variant without the hash; they are left out of analysis.
        phases: Dated changes of coverage, weights and ranges, in order. Before the first one the
            experiment's own coverage and weights hold.
        schedule: When units are enrolled, or None for always.

    Raises:
        AssignmentError: A value is not valid, or two of the salts are the same.

    Examples:
        >>> experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
        >>> experiment.variant("C000123")
        'coupon'
        >>> experiment.variant(123) == experiment.variant("123")
        True
    """

    __slots__ = (
        "_base",
        "_gated",
        "_needs_at",
        "_overrides",
        "_splits",
        "_start",
        "coverage_parts",
        "holdout",
        "key",
        "layer",
        "phases",
        "schedule",
        "seed",
        "variants",
    )
    _fields = (
        "key",
        "variants",
        "seed",
        "coverage_parts",
        "layer",
        "holdout",
        "overrides",
        "phases",
        "schedule",
    )
    key: str
    variants: tuple[tuple[str, int], ...]
    seed: str
    coverage_parts: int
    layer: Layer | None
    holdout: Holdout | None
    phases: tuple[Phase, ...]
    schedule: Schedule | None
    _overrides: dict[str, str]
    _start: "Start"
    _base: Split
    _splits: tuple[Split, ...]
    _needs_at: bool
    _gated: bool

    def __init__(  # noqa: PLR0913 - an experiment is these facts
        self,
        key: str,
        variants: "Iterable[tuple[str, int]]",
        *,
        seed: str | None = None,
        coverage_parts: int = PARTS,
        layer: Layer | None = None,
        holdout: Holdout | None = None,
        overrides: "Overrides | None" = None,
        phases: "Sequence[Phase]" = (),
        schedule: Schedule | None = None,
    ) -> None:
        if not isinstance(key, str) or not key:
            raise AssignmentError(f"key is {key!r}; it must be text of at least one character.")
        seed = check_salt(key if seed is None else seed, "seed" if seed is not None else "key")
        check_parts(layer, holdout, phases, schedule)
        check_salts(seed, layer, holdout)
        names, weights = check_variants(variants)
        coverage_parts = check_integer(coverage_parts, "coverage_parts", 0, PARTS)
        start = salted(seed)
        base = Split(names, weights, coverage_parts)
        splits = phase_splits(base, phases)
        needs_at = any(split != base for split in splits)
        self._set(
            key=key,
            variants=tuple(zip(names, weights, strict=True)),
            seed=seed,
            coverage_parts=coverage_parts,
            layer=layer,
            holdout=holdout,
            phases=tuple(phases),
            schedule=schedule,
            _overrides=check_overrides(overrides or {}, names, start),
            _start=start,
            _base=base,
            _splits=splits,
            _needs_at=needs_at,
            _gated=needs_at or layer is not None or holdout is not None,
        )

    def __hash__(self) -> int:
        return hash((self.key, self.variants, self.seed))

    @property
    def overrides(self) -> dict[str, str]:
        """The overrides by unit, as a copy."""
        return dict(self._overrides)

    def variant(self, unit: "str | SupportsIndex", *, at: "datetime | None" = None) -> str | None:
        """The variant of a unit, or None if it is not in the experiment.

        The same decision as ``assign`` without its reason, and faster.

        Args:
            unit: The unit's id: text, or an integer (``1`` equals ``"1"``).
            at: When the unit is assigned, with a time zone; see ``assign``.

        Returns:
            The variant's key or None.

        Raises:
            AssignmentError: The unit cannot be used, or ``at`` is missing or has no time zone.
        """
        if self._gated or at is not None:
            return assign(self, unit, at=at).variant
        text = unit if type(unit) is str and unit else unit_text(unit)
        if self._overrides and text in self._overrides:
            return self._overrides[text]
        return self._base.choose(digits_of(self._start, text))

    def _check_at(self, at: "datetime | None") -> "datetime | None":
        if at is not None:
            return instant(at, "at")
        if self._needs_at:
            raise AssignmentError(
                f"at is missing; experiment {self.key!r} has phases with different coverage or "
                "weights, so it must say when.\n  Hint: pass at=, a datetime with a time zone."
            )
        return None

    def in_force(self, at: "datetime | None") -> "tuple[int | None, Split]":
        """The index of the phase in force at an instant (None before the first) and its split.

        Raises:
            AssignmentError: ``at`` is missing where it is required, or has no time zone.
        """
        return self._in_force(self._check_at(at))

    def _in_force(self, at: "datetime | None") -> tuple[int | None, Split]:
        begun = 0 if at is None else sum(phase.start <= at for phase in self.phases)
        return (begun - 1, self._splits[begun - 1]) if begun else (None, self._base)

    def _gate(self, text: str, at: "datetime | None") -> str | None:
        """What decides before the split does, or None."""
        if self.holdout is not None and self.holdout.holds(text):
            return "holdout"
        if text in self._overrides:
            return "override"
        if self.layer is not None and not self.layer.owns(text):
            return "layer"
        if at is not None and self.schedule is not None and not self.schedule.contains(at):
            return "outside_schedule"
        return None

    def to_json(self) -> str:
        """The compiled form: JSON that ``from_json`` reads with the standard library alone."""
        from abtest.assignment.compiled import write  # noqa: PLC0415 - json costs 9 ms

        return write(self)

    @classmethod
    def from_spec(cls, path: "str | PathLike[str]") -> "Experiment":
        """Read an experiment's YAML; this needs pydantic and PyYAML, and takes half a second.

        A service that should carry neither runs ``abtest compile`` once and calls ``from_json``.

        Args:
            path: The ``experiment.yaml``. The ``layers.yaml`` in its folder or the nearest one
                above it gives layers and the global holdout.

        Returns:
            The prepared experiment. Where the spec has a ``cluster``, its ids are the units.

        Raises:
            SpecError: The spec or ``layers.yaml`` is at fault, or the spec is stratified.
        """
        # By name: nothing here may depend on the spec, which depends on this.
        spec = __import__("abtest.spec.assignable", fromlist=["load_experiment"])
        loaded: Experiment = spec.load_experiment(path)
        return loaded

    @classmethod
    def from_json(cls, compiled: "str | Mapping[str, object]") -> "Experiment":
        """Rebuild an experiment from ``to_json``.

        Args:
            compiled: The JSON text, or what ``json.loads`` makes of it.

        Returns:
            An experiment equal to the one that was written.

        Raises:
            AssignmentError: It is no JSON of this format and formula, or a value is not valid.
        """
        from abtest.assignment.compiled import read  # noqa: PLC0415 - json costs 9 ms

        return read(compiled)


def assign(
    experiment: Experiment, unit: "str | SupportsIndex", *, at: "datetime | None" = None
) -> Assignment:
    """Assign one unit, with the reason.

    The first of these decides: the unit is held out (``holdout``); it has an override
    (``override``, even outside the schedule); another experiment owns its slot (``layer``); ``at``
    is outside the schedule (``outside_schedule``); coverage leaves it out (``not_enrolled``); the
    hash picks the variant (``split``).

    No clock is read. Without ``at`` the schedule is not checked.

    Args:
        experiment: The prepared experiment.
        unit: The unit's id: text, or an integer (``1`` equals ``"1"``).
        at: When the unit is assigned, a datetime with a time zone. Required where phases change
            the split, even for units that the phases do not touch, so that a forgotten
            ``at`` fails on the first call.

    Returns:
        The variant, the reason, the bucket and the phase.

    Raises:
        AssignmentError: ``experiment`` is no Experiment; the unit is a float, bool, bytes, None,
            NaN, empty or not valid Unicode; ``at`` is missing where it is required, or has no time
            zone.

    Examples:
        >>> experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
        >>> assign(experiment, "C000123")
        Assignment(variant='coupon', reason='split', bucket=9197, phase=None)
    """
    text = unit if type(unit) is str and unit else unit_text(unit)
    try:
        start = experiment._start
    except AttributeError:
        raise AssignmentError(
            f"experiment is {type(experiment).__name__}; it must be an Experiment.\n"
            "  Hint: make it once with Experiment(...) or Experiment.from_spec(path), then pass it."
        ) from None
    digits = digits_of(start, text)
    bucket = int(digits[:13], 16) * PARTS >> 52  # bucket_of, without the cost of a call
    phase, split = None, experiment._base
    reason: str | None = None
    if experiment._gated or at is not None:
        at = experiment._check_at(at)
        phase, split = experiment._in_force(at)
        reason = experiment._gate(text, at)
    elif text in experiment._overrides:
        reason = "override"
    if reason is not None:
        variant = experiment._overrides[text] if reason == "override" else None
        return Assignment((variant, reason, bucket, phase))
    variant = split.choose(digits)
    reason = "not_enrolled" if variant is None else "split"
    return Assignment((variant, reason, bucket, phase))
