"""The records: an exposure (a unit met a variant) and an event (a unit did something).

    {"schema": "abtest-exposure/v1", "id": "5f0c…", "at": "2026-01-05T08:00:00.000000+00:00",
     "unit": "C000123", "experiment": "winback", "variant": "coupon", "reason": "split",
     "bucket": 9197, "phase": null, "fingerprint": "", "details": {"page": "/basket"}}

    {"schema": "abtest-event/v1", "id": "77ab…", "at": "2026-01-05T08:02:11.000000+00:00",
     "unit": "C000123", "name": "order", "value": 49.9, "details": {}}

``id`` is the record's own, so that one that was sent twice is counted once. Times are in UTC.
"""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from abtest.errors import AbtestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abtest.assignment import Assignment, Experiment

    Detail = str | int | float | bool | None

EXPOSURE = "abtest-exposure/v1"
EVENT = "abtest-event/v1"


def now() -> datetime:
    """The present instant: when an exposure happens is a fact, not an input to any result."""
    return datetime.now(UTC)  # noqa: TID251 - the one record of when something was shown


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A unit met a variant.

    Attributes:
        unit: The id that was hashed, as text.
        experiment: The experiment's key.
        variant: The variant's key.
        reason: What decided: ``split`` or ``override``; only ``split`` is analysed.
        at: When, with a time zone.
        bucket: The unit's place under the salt, 0 to 9,999.
        phase: The index of the phase in force, or None.
        fingerprint: That of the spec which was served, or an empty text.
        details: What else is worth keeping: text, numbers, yes or no.
        id: The record's own id.

    Raises:
        AbtestError: A value cannot be written.
    """

    unit: str
    experiment: str
    variant: str
    reason: str
    at: datetime
    bucket: int | None = None
    phase: int | None = None
    fingerprint: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)
    id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        _check(self, ("unit", "experiment", "variant", "reason", "id"))

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        unit: str | int,
        given: Assignment,
        *,
        at: datetime,
        details: Mapping[str, Detail] | None = None,
    ) -> Exposure | None:
        """The exposure of an assignment, or None where the unit has no variant.

        Example:
            >>> from abtest import Experiment, assign
            >>> winback = Experiment("winback", [("control", 1), ("coupon", 1)])
            >>> at = datetime(2026, 1, 5, 8, tzinfo=UTC)
            >>> found = Exposure.of(winback, "C000123", assign(winback, "C000123"), at=at)
            >>> found.variant, found.bucket
            ('coupon', 9197)
        """
        if given.variant is None:
            return None
        return cls(
            unit=str(unit),
            experiment=experiment.key,
            variant=given.variant,
            reason=given.reason,
            at=at,
            bucket=given.bucket,
            phase=given.phase,
            details=details or {},
        )

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types."""
        return {"schema": EXPOSURE, **_plain(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A unit did something that may be a metric, such as an order.

    Attributes:
        unit: The id, as text.
        name: What happened.
        at: When, with a time zone.
        value: Its amount, or None.
        details: What else is worth keeping: text, numbers, yes or no.
        id: The record's own id.

    Raises:
        AbtestError: A value cannot be written.
    """

    unit: str
    name: str
    at: datetime
    value: float | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    id: str = field(default_factory=_new_id)

    def __post_init__(self) -> None:
        _check(self, ("unit", "name", "id"))
        if self.value is not None and not _is_number(self.value):
            raise AbtestError(f"value is {self.value!r}; it must be a finite number or None.")

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types."""
        return {"schema": EVENT, **_plain(self)}


Record = Exposure | Event


def line_of(record: Record) -> bytes:
    """The record as one line of JSON, in ASCII, with its end."""
    text = json.dumps(record.to_dict(), separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def record_of(data: Mapping[str, Any]) -> Record:
    """The record that ``to_dict`` wrote.

    Raises:
        AbtestError: It is no record, or of another version.
    """
    kinds: dict[object, type[Exposure | Event]] = {EXPOSURE: Exposure, EVENT: Event}
    kind = kinds.get(data.get("schema"))
    if kind is None:
        known = f"{EXPOSURE} or {EVENT}"
        raise AbtestError(f"schema is {data.get('schema')!r}; it must be {known}.")
    values = {name: value for name, value in data.items() if name != "schema"}
    try:
        return kind(**{**values, "at": datetime.fromisoformat(values["at"])})
    except (KeyError, TypeError, ValueError) as error:
        raise AbtestError(f"The record is not whole: {error}.") from None


def _plain(record: Record) -> dict[str, Any]:
    return {**asdict(record), "at": record.at.astimezone(UTC).isoformat(timespec="microseconds")}


def _check(record: Record, texts: tuple[str, ...]) -> None:
    for name in texts:
        value = getattr(record, name)
        if not isinstance(value, str) or not value:
            raise AbtestError(f"{name} is {value!r}; it must be text of at least one character.")
        _check_text(value, name)
    if not isinstance(record.at, datetime) or record.at.utcoffset() is None:
        raise AbtestError(f"at is {record.at!r}; it must be a datetime with a time zone.")
    for name, value in dict(record.details).items():
        good = isinstance(value, str | bool | None) or _is_number(value)
        if not isinstance(name, str) or not good:
            raise AbtestError(
                f"details holds {name!r}: {value!r}; it must hold texts, finite numbers and "
                "yes or no under names."
            )


def _check_text(value: str, name: str) -> None:
    """Refuse what a database would refuse later, and with it all that was sent beside it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise AbtestError(f"{name} is {value!r}; it must be valid Unicode.") from None
    if "\0" in value:
        raise AbtestError(f"{name} is {value!r}; it must have no NUL character.")


def _is_number(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
