"""What an experiment is made of besides its variants: layer, holdout, phases, schedule.

Plain classes instead of data classes: ``dataclasses`` and ``typing`` would triple the import time
of a web app that only assigns.
"""

from abtest.assignment.formula import (
    PARTS,
    SPACE,
    below_share,
    bucket_of,
    check_integer,
    check_salt,
    digits13,
    digits_of,
    salted,
    share_limit,
    variant_limits,
)
from abtest.errors import AssignmentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from abtest.assignment.formula import Start
    from abtest.assignment.ranges import Ranges


class Frozen:
    """Base of immutable values: equal by their fields, hashable and picklable."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _values(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self._fields}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one.")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._values().items())
        return f"{type(self).__name__}({inside})"

    def __reduce__(self) -> "tuple[object, tuple[object, ...]]":
        return _rebuild, (type(self), self._values())


def _rebuild(kind: "type[Frozen]", values: dict[str, object]) -> Frozen:
    return kind(**values)


class Layer(Frozen):
    """Slots of a layer: experiments with disjoint slots of one layer never share a unit.

    Args:
        salt: The layer's salt, the same for every experiment in it.
        slots: Half-open ranges ``(first, end)`` of the 10,000 slots, not overlapping.

    Raises:
        AssignmentError: The salt or a range is not valid.
    """

    __slots__ = ("_start", "salt", "slots")
    _fields = ("salt", "slots")
    salt: str
    slots: tuple[tuple[int, int], ...]
    _start: "Start"

    def __init__(self, salt: str, slots: "Iterable[tuple[int, int]]") -> None:
        ranges = tuple(_slot_range(pair) for pair in pairs_of(slots, "layer.slots"))
        if not ranges:
            raise AssignmentError("layer.slots is empty; it must hold at least one range.")
        reached = 0
        for first, end in sorted(ranges):
            if first < reached:
                raise AssignmentError(
                    f"layer.slots overlap at slot {first}; each slot must be listed once."
                )
            reached = end
        salt = check_salt(salt, "layer.salt")
        self._set(salt=salt, slots=ranges, _start=salted(salt))

    def owns(self, text: str) -> bool:
        """Whether the unit's slot is one of these."""
        slot = bucket_of(digits_of(self._start, text))
        return any(first <= slot < end for first, end in self.slots)


def pairs_of(values: object, name: str) -> "list[tuple[object, object]]":
    """The values as a list of pairs.

    Raises:
        AssignmentError: They are no sequence, or one of them is no pair.
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise AssignmentError(f"{name} is {repr(values)[:60]}; it must be a list of pairs.")
    pairs = []
    for value in values:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise AssignmentError(f"{name} holds {repr(value)[:60]}; it must hold pairs.")
        pairs.append((value[0], value[1]))
    return pairs


def _slot_range(pair: tuple[object, object]) -> tuple[int, int]:
    first = check_integer(pair[0], "layer.slots start", 0, PARTS)
    end = check_integer(pair[1], "layer.slots end", 0, PARTS)
    if first >= end:
        raise AssignmentError(
            f"layer.slots has the range [{first}, {end}); it must hold at least one slot.\n"
            "  Hint: ranges are half-open: slots 0 to 4,999 are (0, 5000)."
        )
    return first, end


class Holdout(Frozen):
    """The share of all units that no experiment touches, ever.

    Args:
        salt: The holdout's own salt, which never changes.
        share_parts: The share in ten-thousandths, 0 to 10,000.

    Raises:
        AssignmentError: The salt or the share is not valid.
    """

    __slots__ = ("_limit", "_start", "salt", "share_parts")
    _fields = ("salt", "share_parts")
    salt: str
    share_parts: int
    _limit: "str | None"
    _start: "Start"

    def __init__(self, salt: str, share_parts: int) -> None:
        salt = check_salt(salt, "holdout.salt")
        parts = check_integer(share_parts, "holdout.share_parts", 0, PARTS)
        self._set(salt=salt, share_parts=parts, _limit=share_limit(parts), _start=salted(salt))

    def holds(self, text: str) -> bool:
        """Whether the unit is held out: its n2 under this salt is below the share."""
        return below_share(digits_of(self._start, text), self._limit)


class Phase(Frozen):
    """A dated change of coverage, weights or ranges; what it leaves out stays as it was.

    Args:
        start: The instant from which it holds, with a time zone.
        coverage_parts: The new coverage in ten-thousandths, or None.
        weights: The new weights, one per variant in the experiment's order, or None. A variant that
            is to join later is declared from the start with weight 0.
        ranges: Which numbers belong to which variant, one list of half-open ranges
            ``(start, end)`` of the numbers 0 to 2**52 per variant, instead of the formula's
            intervals. They agree with the weights in force. Where it is None, new weights bring the
            formula's intervals, and without new weights the ranges stay as they were.

    Raises:
        AssignmentError: A value is not valid, or the phase changes nothing.
    """

    __slots__ = ("coverage_parts", "ranges", "start", "weights")
    _fields = ("start", "coverage_parts", "weights", "ranges")
    start: "datetime"
    coverage_parts: "int | None"
    weights: "tuple[int, ...] | None"
    ranges: "tuple[Ranges, ...] | None"

    def __init__(
        self,
        start: "datetime",
        coverage_parts: "int | None" = None,
        weights: "Sequence[int] | None" = None,
        ranges: "Sequence[Iterable[tuple[int, int]]] | None" = None,
    ) -> None:
        if coverage_parts is None and weights is None and ranges is None:
            raise AssignmentError(
                "A phase changes nothing; it must set coverage, weights or ranges."
            )
        if coverage_parts is not None:
            coverage_parts = check_integer(coverage_parts, "phase.coverage_parts", 0, PARTS)
        if weights is not None:
            weights = check_weights(weights, "phase.weights")
        if ranges is not None:
            ranges = _check_ranges(ranges, "phase.ranges")
        start = instant(start, "phase.start")
        self._set(start=start, coverage_parts=coverage_parts, weights=weights, ranges=ranges)


def _check_ranges(values: object, name: str) -> "tuple[Ranges, ...]":
    """Whole numbers up to 2**52 in pairs; whether they fit is known with the weights only."""
    if not isinstance(values, (tuple, list)):
        raise AssignmentError(f"{name} is {repr(values)[:60]}; it must be a list of lists.")
    return tuple(
        tuple(
            (check_integer(start, name, 0, SPACE), check_integer(end, name, 0, SPACE))
            for start, end in pairs_of(own, name)
        )
        for own in values
    )


def check_weights(values: object, name: str) -> tuple[int, ...]:
    """The weights as integers from 0 with a sum above 0.

    Raises:
        AssignmentError: One of them is not valid, or all are 0.
    """
    if not isinstance(values, (tuple, list)):
        raise AssignmentError(f"{name} is {repr(values)[:60]}; it must be a list of integers.")
    weights = tuple(check_integer(value, name, 0) for value in values)
    if not any(weights):
        raise AssignmentError(f"{name} sum to 0; at least one weight must be above 0.")
    return weights


class Schedule(Frozen):
    """When units are enrolled: from ``start`` up to and excluding ``enrol_until``.

    Args:
        start: The first instant, with a time zone, or None for no start.
        enrol_until: The first instant that is too late, with a time zone, or None for no end.

    Raises:
        AssignmentError: An instant has no time zone, or the end is not after the start.
    """

    __slots__ = ("enrol_until", "start")
    _fields = ("start", "enrol_until")
    start: "datetime | None"
    enrol_until: "datetime | None"

    def __init__(
        self, start: "datetime | None" = None, enrol_until: "datetime | None" = None
    ) -> None:
        if start is not None:
            start = instant(start, "schedule.start")
        if enrol_until is not None:
            enrol_until = instant(enrol_until, "schedule.enrol_until")
        if start is not None and enrol_until is not None and enrol_until <= start:
            raise AssignmentError(
                f"schedule.enrol_until is {enrol_until.isoformat()}; it must be after "
                f"schedule.start, {start.isoformat()}."
            )
        self._set(start=start, enrol_until=enrol_until)

    def contains(self, at: "datetime") -> bool:
        """Whether an instant is within the schedule."""
        if self.start is not None and at < self.start:
            return False
        return self.enrol_until is None or at < self.enrol_until


def instant(value: object, name: str) -> "datetime":
    """A datetime with a time zone, in UTC.

    Two times of one zone compare by the clock on the wall, which goes back once a year; in UTC they
    compare as instants.

    Raises:
        AssignmentError: It is no datetime, or has no time zone.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - only experiments with dates need it

    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise AssignmentError(
            f"{name} is {repr(value)[:60]}; it must be a datetime with a time zone.\n"
            "  Hint: datetime(2026, 1, 5, tzinfo=ZoneInfo('Europe/Berlin'))."
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise AssignmentError(
            f"{name} is {value.isoformat()}; it must be between the years 1 and 9999 in UTC."
        ) from None


class Split(Frozen):
    """Coverage and weights made ready for comparing digits.

    Args:
        names: The variants in order.
        weights: One weight per variant.
        coverage_parts: The coverage in ten-thousandths.
        ranges: Explicit ranges that fit the weights, one list per variant, or None for the
            formula's intervals.

    Attributes:
        steps: Pairs of 13 digits, rising, and the variant of what is below them.
        last: The variant of what is below none of the steps.
    """

    __slots__ = ("_limit", "coverage_parts", "last", "names", "ranges", "steps", "weights")
    _fields = ("names", "weights", "coverage_parts", "ranges")
    names: tuple[str, ...]
    weights: tuple[int, ...]
    coverage_parts: int
    ranges: "tuple[Ranges, ...] | None"
    _limit: "str | None"
    steps: tuple[tuple[str, str], ...]
    last: str

    def __init__(
        self,
        names: tuple[str, ...],
        weights: tuple[int, ...],
        coverage_parts: int,
        ranges: "tuple[Ranges, ...] | None" = None,
    ) -> None:
        steps, last = _steps(names, weights, ranges)
        self._set(
            names=names,
            weights=weights,
            coverage_parts=coverage_parts,
            ranges=ranges,
            _limit=share_limit(coverage_parts),
            steps=steps,
            last=last,
        )

    def choose(self, digits: str) -> "str | None":
        """The variant of these digits, or None if coverage leaves the unit out."""
        # The same test as below_share, written out: a call would cost a tenth of the whole.
        if self._limit is not None and digits[13:26] >= self._limit:
            return None
        for limit, name in self.steps:
            if digits < limit:
                return name
        return self.last


def _steps(
    names: tuple[str, ...], weights: tuple[int, ...], ranges: "tuple[Ranges, ...] | None"
) -> "tuple[tuple[tuple[str, str], ...], str]":
    if ranges is None:
        limits = variant_limits(weights)
        return tuple(zip(limits, names, strict=False)), names[len(limits)]
    from abtest.assignment.ranges import steps_of  # noqa: PLC0415 - few experiments need it

    steps = steps_of(dict(zip(names, ranges, strict=True)))
    return tuple((digits13(end), name) for end, name in steps[:-1]), steps[-1][1]
