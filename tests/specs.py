"""Small specs that tests change one thing in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abtest.errors import SpecError
from abtest.spec import LoadedSpec
from abtest.spec.load import draft_document
from abtest.spec.yaml_text import parse_document
from support import SHARED

EVENTS = """\
spec: abtest/v1
key: winback
kind: messaging
unit: id
variants:
  - {key: control, control: true}
  - {key: coupon}
data:
  as_of: 2026-03-01
  assignments: {path: assigned.csv}
  events:
    orders: {path: orders.csv, at: ordered_at, value: amount}
    refunds: {path: refunds.csv, at: refunded_at}
metrics:
  - {key: again, kind: conversion, events: orders, window: {end: 30d}, role: primary}
  - {key: revenue, kind: sum, events: orders, window: {end: 30d}}
"""
COLUMNS = """\
spec: abtest/v1
key: gate
kind: messaging
unit: id
variants:
  - {key: control, control: true}
  - {key: coupon}
data:
  units: {path: units.csv, variant: variant}
metrics:
  - {key: retained, kind: proportion, column: retained, role: primary}
  - {key: spend, kind: mean, column: spend}
"""


def changed(text: str, *replacements: tuple[str, str]) -> str:
    """The text with each old part, which must be there, replaced by a new one."""
    for old, new in replacements:
        if old not in text:
            raise ValueError(f"{old!r} is not in the text")
        text = text.replace(old, new)
    return text


def loaded(text: str) -> LoadedSpec:
    """The spec of a text."""
    return draft_document(parse_document(text, "e.yaml"), Path()).require()


def faults(text: str) -> list[str]:
    """What is wrong with a text, one line per fault, without the file's name."""
    try:
        loaded(text)
    except SpecError as error:
        return [str(fault).removeprefix("e.yaml:") for fault in error.faults]
    return []


def advice(text: str) -> list[str]:
    """What a valid text is warned about."""
    return [str(fault).removeprefix("e.yaml:") for fault in loaded(text).advice]


def design(place: int) -> str:
    """One of the YAML blocks of the design: a spec, factors, a spec."""
    path = SHARED / "design.md"
    if not path.is_file():
        pytest.skip("the design is not beside this repository (../shared/design.md)")
    text = path.read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[place]  # type: ignore[no-any-return]
