"""A result that was written as JSON, read back: whole and of this version, or one clear message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from abtest.analysis.result import Result
from abtest.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA: str = get_args(Result.model_fields["schema_"].annotation)[0]
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
    data = _parsed(path)
    if not isinstance(data, dict) or "schema" not in data:
        raise DataError(f"{path} is not a result: it has no `schema`", _WRITE)
    if data["schema"] != _SCHEMA:
        raise DataError(
            f"{path}: `schema` is {data['schema']!r}; this version of abtest reads {_SCHEMA!r}",
            "read it with the version that wrote it (`abtest_version`), or analyze again.",
        )
    try:
        return Result.from_dict(data)
    except ValidationError as error:
        raise DataError(f"{path} is not a whole result: {_first(error)}", _WRITE) from error


def _parsed(path: Path) -> Any:  # noqa: ANN401 - JSON may hold anything
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, parse_constant=_refuse)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text", _WRITE) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        hint = "is the file cut short? Analyze again to write it anew."
        raise DataError(f"{path} is not JSON ({where}: {error.msg})", hint) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"{path} is not a result: {error}", _WRITE) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, and what is absent is null")


def _first(error: ValidationError) -> str:
    """The first fault and where it is, and how many more there are."""
    faults = error.errors(include_url=False)
    where = ".".join(str(part).removesuffix("_") for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"`{where}`: {faults[0]['msg'].lower()}{more}"
