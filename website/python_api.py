"""The page of the public names of `abtest`, from their docstrings."""

from __future__ import annotations

import inspect

import abtest
from docstrings import markdown

HEAD = """# Python

The public names: `from abtest import ...`. Everything else may change between versions.
`Experiment` and `assign` load nothing but the standard library, so that a web app stays light.
"""


def page() -> str:
    """The page."""
    names = [name for name in abtest.__all__ if not name.startswith("__")]
    return "\n".join([HEAD, *(_name(name) for name in names)])


def _name(name: str) -> str:
    found = getattr(abtest, name)
    parts = [f"## {name}", _signature(name, found), markdown(found.__doc__)]
    if inspect.isclass(found):
        parts += [_member(found, member) for member in vars(found) if _is_shown(found, member)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_shown(owner: type, name: str) -> bool:
    member = inspect.unwrap(getattr(vars(owner)[name], "__func__", vars(owner)[name]))
    documented = isinstance(member, property) or inspect.isfunction(member)
    return documented and not name.startswith("_") and bool(inspect.getdoc(member))


def _member(owner: type, name: str) -> str:
    kept = vars(owner)[name]
    member = getattr(kept, "__func__", kept)
    text = markdown(inspect.getdoc(member))
    if isinstance(member, property):
        return f"### {owner.__name__}.{name}\n\n{text}"
    return f"### {owner.__name__}.{name}()\n\n{_signature(name, member)}\n\n{text}"


def _signature(name: str, found: object) -> str:
    if not callable(found) or (isinstance(found, type) and issubclass(found, BaseException)):
        return ""
    if hasattr(found, "model_fields"):  # built by analyze(), not by hand
        return ""
    signature = str(inspect.signature(found)).replace("'", "")
    return f"```python\n{name}{signature}\n```"
