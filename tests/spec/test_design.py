"""The contract's own examples validate."""

from __future__ import annotations

import pytest

from specs import COLUMNS, design, loaded

FACTORIAL = """\
spec: abtest/v1
key: mix
kind: incentive_mix
unit: id
data:
  units: {path: units.csv, variant: variant}
metrics:
  - {key: spend, kind: mean, column: spend, role: primary}
"""


def test_the_design_has_the_blocks_that_are_tested() -> None:
    assert design(2)
    with pytest.raises(IndexError, match="list index out of range"):
        design(3)


@pytest.mark.parametrize("place", [0, 2])
def test_whole_specs(place: int) -> None:
    found = loaded(design(place))
    assert found.advice == ()
    assert found.spec.spec == "abtest/v1"


def test_what_the_first_one_says() -> None:
    spec = loaded(design(0)).spec
    plain = spec.to_dict()
    assert spec.seed == "winback-2026-01"
    assert spec.control is not None
    assert spec.control.key == "control"
    assert [variant.key for variant in spec.treatments] == ["coupon", "coupon_freeship"]
    assert plain["data"]["events"]["orders"]["lag"] == "2d"
    assert plain["covariates"]["orders_pre_90d"]["window"] == {"start": "-90d", "end": "0d"}
    assert plain["assignment"]["phases"][0]["from"] == "2026-01-05"
    assert plain["analysis"]["correction"]["secondary"] == "gate_holm"


def test_what_the_second_one_says() -> None:
    spec = loaded(design(2)).spec
    assert spec.seed == spec.key == "gate-position"
    assert [variant.weight for variant in spec.variants or ()] == [1, 1]


def test_factors() -> None:
    spec = loaded(FACTORIAL + design(1)).spec
    assert spec.variants is None
    assert spec.factors is not None
    assert spec.factors.order == ("discount_pct", "free_shipping", "gift")


def test_a_unit_may_be_each_row() -> None:
    assert loaded(COLUMNS.replace("unit: id", "unit: null")).spec.unit is None
