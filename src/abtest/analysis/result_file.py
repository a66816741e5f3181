"""A result that was written as JSON, read back: whole and of this version, or one clear message."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from abtest.analysis.result import Result
from abtest.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_Document = TypeVar("_Document", bound=BaseModel)
_WRITE = "`abtest analyze SPEC -o RESULT.json` writes one."


def read_result(path: Path) -> Result:
    """Read what ``abtest analyze SPEC -f json`` wrote.

    Args:
        path: The file.

    Returns:
        The result; every view of it has the same bytes as that of the analysis itself.

    Raises:
        DataError: The file cannot be read, is cut short, or is no result of this version.
    """
    result = read_document(path, Result, "result", _WRITE)
    try:
        datetime.fromisoformat(result.as_of or "2026-01-01")
    except ValueError as error:
        problem = f"{path} is not a whole result: `as_of` is {result.as_of!r}, which is no time"
        raise DataError(problem, _WRITE) from error
    return result


def read_document(path: Path, model: type[_Document], what: str, hint: str) -> _Document:
    """Read a JSON file of ours, which names its ``schema`` first.

    Args:
        path: The file.
        model: What it holds; its field ``schema_`` says which schema that is.
        what: What it is, in words.
        hint: What to do where the file is not one.

    Returns:
        What it holds.

    Raises:
        DataError: The file cannot be read, is cut short, or holds something else.
    """
    data = _parsed(path, what, hint)
    if not isinstance(data, dict) or "schema" not in data:
        raise DataError(f"{path} is not a {what}: it has no `schema`", hint)
    schema = get_args(model.model_fields["schema_"].annotation)[0]
    if data["schema"] != schema:
        raise DataError(
            f"{path}: `schema` is {data['schema']!r}; this version of abtest reads {schema!r}",
            "read it with the version that wrote it (`abtest_version`), or write it anew.",
        )
    try:
        return model.model_validate({"schema_": data.pop("schema"), **data})
    except ValidationError as error:
        raise DataError(f"{path} is not a whole {what}: {_first(error)}", hint) from error


def _parsed(path: Path, what: str, hint: str) -> Any:  # noqa: ANN401 - JSON may hold anything
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, parse_constant=_refuse)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text", hint) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        cut = "is the file cut short? Write it anew."
        raise DataError(f"{path} is not JSON ({where}: {error.msg})", cut) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{path} is not a {what}: {error}", hint) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, and what is absent is null")


def _first(error: ValidationError) -> str:
    """The first fault and where it is, and how many more there are."""
    faults = error.errors(include_url=False)
    where = ".".join(str(part).removesuffix("_") for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"`{where}`: {faults[0]['msg'].lower()}{more}"
