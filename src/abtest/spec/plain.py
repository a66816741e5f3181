"""Plain data: what JSON can hold, checked before the models see it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from os import PathLike, fspath
from typing import Any

from abtest.errors import Fault, SpecError

MAX_DEPTH = 50

YamlPath = tuple[str | int, ...]


def plain_mapping(data: object) -> dict[str, Any]:
    """Data from a notebook as plain data: dates become text, NumPy's scalars become numbers.

    Raises:
        SpecError: A value is of a type that no spec can hold; the error lists all of them.
    """
    if not isinstance(data, Mapping):
        hint = "Pass the path of a YAML file, or a dict with the same keys."
        raise SpecError([Fault((), f"is {_named(data)}; it must be a mapping", hint)])
    faults: list[Fault] = []
    plain: dict[str, Any] = _plain(data, (), faults)
    if faults:
        raise SpecError(faults)
    return plain


def _plain(value: object, path: YamlPath, faults: list[Fault]) -> Any:  # noqa: ANN401 - plain data
    if len(path) > MAX_DEPTH:
        fault = Fault(path[:3], f"is nested more than {MAX_DEPTH} levels deep")
        raise SpecError([fault])
    if isinstance(value, Mapping):
        return {
            str(key): _plain(item, (*path, str(key)), faults)
            for key, item in value.items()
            if _is_key(key, path, faults)
        }
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, i), faults) for i, item in enumerate(value)]
    return _scalar(value, path, faults)


def _is_key(key: object, path: YamlPath, faults: list[Fault]) -> bool:
    if isinstance(key, str) and _is_text(key):
        return True
    if isinstance(key, int) and not isinstance(key, bool):
        return True
    faults.append(Fault(path, f"has the key {key!r}; keys must be text"))
    return False


def _scalar(value: object, path: YamlPath, faults: list[Fault]) -> Any:  # noqa: ANN401 - plain data
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, Decimal):
        value = float(value)
    elif hasattr(value, "item") and not getattr(value, "shape", ()):  # NumPy's scalars
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        faults.append(Fault(path, f"is {value}; it must be a finite number"))
    elif isinstance(value, str) and not _is_text(value):
        message = f"is {value!r}; it must be valid Unicode"
        faults.append(Fault(path, message, "Half of a character was lost; type it again."))
    elif not isinstance(value, str | int | float | bool | None):
        faults.append(Fault(path, f"is {_named(value)}; it must be text, a number or a list"))
    return value


def _is_text(text: str) -> bool:
    """Whether UTF-8 can express it: half of a surrogate pair cannot be written to any file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(value: object) -> str:
    return "nothing" if value is None else f"of type {type(value).__name__}"
