"""Experiments side by side: salts, names and slots that must not be shared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abtest.spec import load_spec
from abtest.spec.project import faults_between

SPEC = """\
spec: abtest/v1
key: {key}
kind: messaging
unit: {unit}
variants: [{{key: control, control: true}}, {{key: coupon}}]
{more}
data: {{units: {{path: customers.csv, variant: variant}}}}
metrics: [{{key: bought, kind: proportion, column: bought, role: primary}}]
"""
LAYERS = """\
holdout: {salt: held, share: 0.1}
layers: {offers: {salt: offers-2026, unit: customer_id}}
"""


def faults(folder: Path, *specs: str) -> list[str]:
    (folder / "layers.yaml").write_text(LAYERS)
    loaded = []
    for number, text in enumerate(specs):
        path = folder / f"{number}.yaml"
        path.write_text(text)
        loaded.append(load_spec(path))
    return [str(fault).replace(f"{folder}/", "") for fault in faults_between(loaded)]


def spec(key: str, more: str = "", unit: str = "customer_id") -> str:
    return SPEC.format(key=key, more=more, unit=unit)


def in_layer(slots: str, more: str = "") -> str:
    return f"assignment: {{layer: {{key: offers, slots: {slots}}}}}\n{more}"


def test_experiments_that_share_nothing_are_fine(tmp_path: Path) -> None:
    first = spec("one", in_layer("[[0, 4999]]"))
    second = spec("two", in_layer("[[5000, 9999]]"))
    assert faults(tmp_path, first, second, spec("three")) == []


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ((spec("one"), spec("one")), "1.yaml:2: key: is 'one', which is also the salt of 0.yaml"),
        (
            (spec("one"), spec("two", "assignment: {seed: one}")),
            "1.yaml:6: assignment.seed: is 'one', which is also the salt of 0.yaml",
        ),
        ((spec("offers"),), "0.yaml:2: key: is 'offers', which is also the name or salt of layer"),
        (
            (spec("a", "assignment: {seed: offers-2026}"),),
            "0.yaml:6: assignment.seed: is 'offers-2026', which is also the name or salt of layer",
        ),
        (
            (spec("held"),),
            "0.yaml:2: key: is 'held', which is also the name or salt of the holdout",
        ),
        (
            (spec("one", in_layer("[[0, 5000]]")), spec("two", in_layer("[[5000, 9999]]"))),
            "1.yaml:6: assignment.layer.slots: share [5000, 5000] of layer offers with 0.yaml",
        ),
        (
            (spec("one", in_layer("[[0, 1]]"), unit="household_id"),),
            "0.yaml:6: assignment.layer.key: is of units 'customer_id'; the spec hashes 'househol",
        ),
    ],
)
def test_what_is_shared_is_a_fault(tmp_path: Path, specs: tuple[str, ...], message: str) -> None:
    (found,) = faults(tmp_path, *specs)
    assert re.match(re.escape(message), found)


def test_slots_are_free_again_once_enrolment_has_ended(tmp_path: Path) -> None:
    early = spec("one", in_layer("[[0, 9]]", "schedule: {enrol_until: 2026-02-01}"))
    late = spec("two", in_layer("[[0, 9]]", "schedule: {start: 2026-02-01}"))
    soon = spec("two", in_layer("[[0, 9]]", "schedule: {start: 2026-01-31}"))
    assert faults(tmp_path, early, late) == []
    assert faults(tmp_path, late, early) == []
    assert len(faults(tmp_path, early, soon)) == 1


def test_a_broken_layers_yaml_is_named_once_per_spec(tmp_path: Path) -> None:
    path = tmp_path / "0.yaml"
    path.write_text(spec("one"))
    (tmp_path / "layers.yaml").write_text("layer: {}")
    (fault,) = faults_between([load_spec(path)])
    assert "layers.yaml:1: layer: unknown key" in str(fault)
