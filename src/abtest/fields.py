"""Field types and the base model that every block of the spec shares."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)

_DURATION = re.compile(r"(-?[0-9]{1,5})(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": DAY, "w": timedelta(weeks=1)}


class Block(BaseModel):
    """A block of the spec: frozen, typed strictly, unknown keys forbidden."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


def parse_duration(value: object) -> timedelta:
    """Read ``30d``, ``12h``, ``4w`` or ``-90d``.

    >>> parse_duration("4w")
    datetime.timedelta(days=28)
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError(
            "duration",
            "is {value}; it must be a length of time such as 30d, 12h or 4w",
            {"value": repr(value)},
        )
    return int(match[1]) * _UNITS[match[2]]


def format_duration(value: timedelta) -> str:
    """Write a length of time as the spec does, in days where it is whole days.

    >>> format_duration(timedelta(hours=36))
    '36h'
    """
    if value % DAY == timedelta(0):
        return f"{value // DAY}d"
    return f"{value // timedelta(hours=1)}h"


def _text(value: object) -> object:
    """Numbers are taken as they are written, so that a variant may be called 1."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^-?[0-9]{1,5}[hdw]$", "examples": ["30d", "12h", "4w"]}
    ),
]
"""A length of time: ``30d``, ``12h``, ``4w``."""

Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int), Field(min_length=1)]
"""A name as it stands in the data; numbers are taken as text."""

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A key: letters, digits, dot, underscore and hyphen, at most 64 characters."""

Alpha = Annotated[float, Field(gt=0, lt=1)]
Direction = Literal["increase", "decrease"]


class RelativeOrAbsolute(Block):
    """A size that is relative to control (0.05 is 5%) or absolute in the metric's unit."""

    relative: Annotated[float, Field(gt=0)] | None = None
    """A share of control's value: 0.05 is 5%."""
    absolute: Annotated[float, Field(gt=0)] | None = None
    """In the metric's own unit."""

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401, ARG002 - pydantic's signature
        if (self.relative is None) == (self.absolute is None):
            raise PydanticCustomError(
                "relative_or_absolute", "must name exactly one of relative and absolute"
            )
