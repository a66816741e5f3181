"""From pydantic's errors to faults that name the line, the rule and the nearest valid key."""

from __future__ import annotations

import re
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from abtest.errors import Fault

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from abtest.spec.plain import YamlPath
    from abtest.spec.yaml_text import Document


# Pydantic's rules in words for people who do not know JSON.
_RULES = {
    "model_type": "be a mapping of keys to values",
    "model_attributes_type": "be a mapping of keys to values",
    "dict_type": "be a mapping of keys to values",
    "tuple_type": "be a list",
    "string_type": "be text",
    "string_pattern_mismatch": (
        "be at most 64 Latin letters, digits, dots, underscores and hyphens, "
        "the first a letter or digit"
    ),
    "string_too_short": "have at least {min_length} character",
    "string_too_long": "have at most {max_length} characters",
    "int_type": "be a whole number",
    "int_from_float": "be a whole number",
    "float_type": "be a number",
    "finite_number": "be a finite number",
    "bool_type": "be true or false",
    "greater_than": "be above {gt}",
    "greater_than_equal": "be at least {ge}",
    "less_than": "be below {lt}",
    "less_than_equal": "be at most {le}",
}

# Keys that some blocks have and others cannot have.
_ELSEWHERE = {"winsorize": "only a sum or a mean can be capped"}


def faults_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Fault]:
    """One fault for each thing pydantic found, without what only follows from another."""
    faults: dict[YamlPath, Fault] = {}
    misspelt = misspellings(error, model, document.data)
    for details in causes(error):
        path, valid_keys = locate(model, details["loc"], document.data)
        if details["type"] == "missing" and path in misspelt:
            continue
        message, hint = _describe(details, path, valid_keys)
        if details["type"].startswith("union_tag") and _has(document.data, list(path), "kind"):
            path = (*path, "kind")
        if path in faults:  # each member of a union has its own rule
            message = _either(faults[path].message, message)
            hint = faults[path].hint or hint
        faults[path] = Fault(path, message, hint, line=document.line(path), file=document.file)
    return list(faults.values())


def causes(error: ValidationError) -> list[ErrorDetails]:
    """Pydantic's errors; a list is not too short because its items have faults."""
    errors = error.errors()
    return [
        details
        for details in errors
        if details["type"] != "too_short"
        or not any(
            len(other["loc"]) > len(details["loc"])
            and other["loc"][: len(details["loc"])] == details["loc"]
            for other in errors
        )
    ]


def misspellings(error: ValidationError, model: type[BaseModel], data: object) -> set[YamlPath]:
    """The paths that are probably meant by unknown keys."""
    meant: set[YamlPath] = set()
    for details in error.errors():
        if details["type"] == "extra_forbidden":
            path, valid_keys = locate(model, details["loc"], data)
            close = get_close_matches(str(path[-1]), valid_keys, n=1, cutoff=0.6)
            meant |= {(*path[:-1], key) for key in close}
    return meant


def _either(first: str, second: str) -> str:
    """Two rules for one value as one message."""
    start = first.partition("; it must be ")[0] + "; it must be "
    if second == first or not second.startswith(start):
        return first
    return f"{first} or {second.removeprefix(start)}"


def locate(
    model: type[BaseModel], loc: tuple[int | str, ...], data: object
) -> tuple[YamlPath, list[str]]:
    """The YAML path of a pydantic location, and the keys that are valid beside its last part.

    Pydantic's locations also name the member of a union, which is not in the YAML.
    """
    path: list[str | int] = []
    keys = _keys(model)
    here: list[Any] = [model]
    for part in loc:
        if part == "[key]":  # pydantic's mark for a fault of the key itself
            continue
        step = _step(here, part)
        if step is None:
            in_data = _has(data, path, part)
            if not in_data and part != loc[-1]:
                here = _narrow(here, part)
                continue
            if not in_data and len(here) > 1:
                continue
            step = [Any]
        keys = [key for kind in here for key in _keys(kind)]
        path.append(part)
        here = step
    return tuple(path), keys


def nearest(word: str, known: list[str]) -> str:
    """A hint that names the nearest of the known words, or all of them.

    >>> nearest("windw", ["window", "events"])
    'did you mean "window"?'
    """
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"it can be {', '.join(known)}" if known else ""


def _describe(details: ErrorDetails, path: YamlPath, keys: list[str]) -> tuple[str, str]:
    """A message and a hint for one of pydantic's errors."""
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key", _ELSEWHERE.get(str(path[-1])) or nearest(str(path[-1]), keys)
    if kind == "missing":
        return "is missing", "every spec needs this key" if len(path) == 1 else ""
    if kind.startswith("union_tag"):
        return _describe_kind(given, context)
    if kind == "too_short" and isinstance(given, str):
        kind = "string_too_short"
    if kind in _RULES:
        rule = _RULES[kind].format(**{name: _number(limit) for name, limit in context.items()})
        return f"is {_show(given)}; it must {rule}", _quotes(kind, given)
    if kind in ("too_short", "too_long"):
        rule = "at least {min_length}" if kind == "too_short" else "at most {max_length}"
        return f"has {len(given)} items; it must have {rule.format(**context)}", ""
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"is {_show(given)}; it must be {context['expected']}", _close(given, known)
    # One of our own, which says the value itself.
    return details["msg"], str(context.get("hint", ""))


def _quotes(kind: str, given: object) -> str:
    """YAML took a text for something else."""
    if kind != "string_type" or not isinstance(given, bool | int | float):
        return ""
    text = str(given).lower() if isinstance(given, bool) else str(given)
    return f'put it in quotes: "{text}"'


def _describe_kind(given: object, context: dict[str, Any]) -> tuple[str, str]:
    """A metric (or method) of a kind that does not exist, or of none."""
    if not isinstance(given, dict):
        return f"is {_show(given)}; it must be a mapping of keys to values", ""
    if "kind" not in given:
        return "has no kind", "add `kind: ...`; `abtest schema` lists every kind"
    known = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
    word = given["kind"]
    return f"is {_show(word)}, which is no kind abtest knows", nearest(str(word), known)


def _close(given: object, known: list[str]) -> str:
    close = get_close_matches(str(given), known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def _number(value: object) -> object:
    """A whole number without its decimal point."""
    if isinstance(value, int | float) and value == int(value):
        return f"{int(value):,}"
    return value


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _has(data: object, path: list[str | int], part: int | str) -> bool:
    for step in [*path, part]:
        try:
            data = data[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _members(annotation: object) -> list[Any]:
    """The plain types behind an annotation: unions and Annotated are opened."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [m for member in get_args(annotation) for m in _members(member)]
    return [annotation]


def _keys(kind: object) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.alias or name for name, field in kind.model_fields.items()]
    return []


def _step(here: list[Any], part: int | str) -> list[Any] | None:
    """The types one step further down, or None where no type has such a step."""
    found: list[Any] = []
    for kind in here:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names = {field.alias or name: field for name, field in kind.model_fields.items()}
            if part in names:
                found += _members(names[str(part)].annotation)
        elif isinstance(part, int) and get_origin(kind) in (tuple, list):
            found += [m for arg in get_args(kind) if arg is not Ellipsis for m in _members(arg)]
        elif get_origin(kind) is dict:
            found += _members(get_args(kind)[1])
    return found or None


def _narrow(here: list[Any], tag: int | str) -> list[Any]:
    """The members of a union that the tag names; all of them where it names none."""
    named = [kind for kind in here if _tagged(kind, tag)]
    return named or here


def _tagged(kind: object, tag: int | str) -> bool:
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return False
    field = kind.model_fields.get("kind")
    return (
        field is not None
        and get_origin(field.annotation) is Literal
        and tag in get_args(field.annotation)
    )
