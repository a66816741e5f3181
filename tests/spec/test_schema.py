"""The JSON Schema that editors use: valid, described, and as strict as the models."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from abtest.spec.schema import _EXAMPLES, json_schema
from abtest.spec.yaml_text import parse_document
from specs import COLUMNS, EVENTS, changed, design, faults
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = json_schema()
FACTORIAL = changed(
    COLUMNS, ("variants:\n  - {key: control, control: true}\n  - {key: coupon}\n", "")
)


def errors(text: str) -> list[str]:
    data = parse_document(text).data
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(data)]


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a mapping with keys of its own."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(schema, list):
        for i, value in enumerate(schema):
            yield from objects(value, f"{path}/{i}")


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_is_described() -> None:
    bare = [
        f"{path}/{key}"
        for path, schema in objects(SCHEMA)
        for key, value in schema["properties"].items()
        if not value.get("description")
    ]
    assert bare == []


def test_every_example_is_right_and_is_shown() -> None:
    shown = 0
    for path, schema in objects(SCHEMA):
        for key, value in schema["properties"].items():
            whole = {**value, "$defs": SCHEMA["$defs"]}
            for example in value.get("examples", ()):
                found = [
                    error.message for error in Draft202012Validator(whole).iter_errors(example)
                ]
                assert found == [], f"{path}/{key}"
                shown += 1
    assert shown > 50
    names = {f"{path.rpartition('/')[2] or 'Spec'}.{key}" for path, key in _keys()}
    keys = {key for _, key in _keys()}
    assert [name for name in _EXAMPLES if name not in names | keys] == []


def _keys() -> list[tuple[str, str]]:
    return [(path, key) for path, schema in objects(SCHEMA) for key in schema["properties"]]


def test_what_an_editor_offers() -> None:
    """A language server offers the keys of a mapping, and the values of an enum or constant."""
    variant = SCHEMA["$defs"]["Variant"]["properties"]
    assert {"key", "control", "weight", "payload", "cost"} == set(variant)
    assert SCHEMA["properties"]["kind"]["enum"] == ["pricing", "messaging", "incentive_mix"]
    kinds = [
        SCHEMA["$defs"][reference.rpartition("/")[2]]["properties"]["kind"]["const"]
        for reference in SCHEMA["properties"]["metrics"]["items"]["discriminator"][
            "mapping"
        ].values()
    ]
    assert {"repeat_purchase", "conversion", "sum", "survey"} <= set(kinds)


def test_the_published_file_is_current() -> None:
    path = ROOT / "schema" / "experiment.schema.json"
    written = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    hint = "run `abtest schema -o schema/experiment.schema.json`"
    assert path.read_text(encoding="utf-8") == written, hint


def test_unknown_keys_are_refused_everywhere() -> None:
    loose = [
        path for path, schema in objects(SCHEMA) if schema.get("additionalProperties") is not False
    ]
    assert loose == []


@pytest.mark.parametrize("text", [EVENTS, COLUMNS])
def test_it_accepts_valid_specs(text: str) -> None:
    assert errors(text) == []


@pytest.mark.parametrize("place", [0, 2])
def test_it_accepts_the_specs_of_the_design(place: int) -> None:
    assert errors(design(place)) == []


def test_it_accepts_the_factors_of_the_design() -> None:
    assert errors(FACTORIAL + design(1)) == []


@pytest.mark.parametrize("kind", ["pricing", "messaging", "incentive_mix"])
def test_it_accepts_what_init_writes(kind: str) -> None:
    text = files("abtest.cli.templates").joinpath(f"{kind}.yaml").read_text("utf-8")
    assert errors(text.replace("{key}", "a").replace("{title}", "A")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("unit: id", "unit: id\nowners: x"),
        ("key: coupon", "key: coupon, pyload: {}"),
        ("path: orders.csv", "pth: orders.csv"),
        ("kind: conversion", "kind: convrsion"),
        ("role: primary", "rol: primary"),
        ("end: 30d}, role", "ende: 30d}, role"),
        ("end: 30d}, role", "end: 30 days}, role"),
        ("kind: messaging", "kind: mail"),
        ("unit: id\n", ""),
        ("value: amount", "value: [amount]"),
        ("key: winback", "key: win back"),
    ],
)
def test_what_it_refuses_the_models_refuse_too(old: str, new: str) -> None:
    text = changed(EVENTS, (old, new))
    assert errors(text)
    assert faults(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key: coupon", "key: 7"),
        ("value: amount", "value: {product: [quantity, price]}"),
        ("at: refunded_at", "at: t, keep: [{column: a, equals: 7}]"),
        ("unit: id", "unit: id\nassignment: {coverage: 1}"),
        ("unit: id", "unit: id\nassignment: {overrides: {C1: coupon}}"),
        ("{path: assigned.csv}", "{path: a.csv, variant: v, at: t, reason: r, unit: u}"),
    ],
)
def test_what_the_models_accept_it_accepts_too(old: str, new: str) -> None:
    text = changed(EVENTS, (old, new))
    assert faults(text) == []
    assert errors(text) == []
