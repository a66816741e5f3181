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

    from abtest.spec.yaml_text import Document, YamlPath


def faults_of(error: ValidationError, model: type[BaseModel], document: Document) -> list[Fault]:
    """One fault for each thing pydantic found."""
    faults: dict[tuple[YamlPath, str], Fault] = {}
    for details in error.errors():
        path, valid_keys = locate(model, details["loc"], document.data)
        message, hint = _describe(details, path, valid_keys)
        line = document.line(path)
        fault = Fault(path, message, hint, line=line, file=document.file)
        faults.setdefault((path, message), fault)
    return list(faults.values())


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
        return "unknown key", nearest(str(path[-1]), keys)
    if kind == "missing":
        return "is missing", "every spec needs this key" if len(path) == 1 else ""
    if kind.startswith("union_tag"):
        return _describe_kind(given, context)
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"is {_show(given)}; it must be {context['expected']}", _close(given, known)
    if kind == "string_pattern_mismatch":
        rule = "letters, digits, dot, underscore and hyphen, starting with a letter or digit"
        return f"is {_show(given)}; it must be up to 64 {rule}", ""
    if kind == "string_type" and isinstance(given, bool | int | float):
        text = str(given).lower() if isinstance(given, bool) else str(given)
        return f"is {text}; it must be text", f'put it in quotes: "{text}"'
    message = details["msg"]
    if not message.startswith("Input"):  # one of our own, which says the value itself
        return message, ""
    return f"is {_show(given)}; {message.replace('Input should', 'it must')}", ""


def _describe_kind(given: object, context: dict[str, Any]) -> tuple[str, str]:
    """A metric (or method) of a kind that does not exist, or of none."""
    known = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
    if "tag" not in context:
        shown = "has no kind" if isinstance(given, dict) else f"is {_show(given)}"
        return f"{shown}; it must name one", "add `kind: ...`"
    word = str(context["tag"])
    return f"is {word!r}, which is no kind abtest knows", nearest(word, known)


def _close(given: object, known: list[str]) -> str:
    close = get_close_matches(str(given), known, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def _show(value: object) -> str:
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
