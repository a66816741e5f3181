"""Flags: what an app serves, written once and read with the standard library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abtest import AssignmentError, Experiment
from abtest.flags import Flag
from abtest.spec import load_spec
from command_line import run
from specs import COLUMNS, changed, design
from support import ROOT

SPEC = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
WINBACK = Experiment("winback", [("control", 1), ("coupon", 1)])


def test_the_command_writes_what_is_read() -> None:
    text = run("compile", SPEC, "--flags").worked().out
    flag = Flag.from_json(text)
    assert flag.to_json() == Flag.from_spec(SPEC).to_json() == text.rstrip("\n")
    assert flag.experiment == Experiment.from_spec(SPEC)
    assert flag.fingerprint == load_spec(SPEC).spec.fingerprint()
    assert (flag.unit, flag.cluster) == ("customer_id", None)
    assert flag.payload("control") == flag.payload(None) == {}
    assert flag.payload("coupon_freeship") == {"discount_pct": 10, "free_shipping": True}
    assert flag.fields == {"discount_pct", "free_shipping"}


def test_the_payload_of_a_cell_is_its_levels(tmp_path: Path) -> None:
    spec = tmp_path / "experiment.yaml"
    base = changed(
        COLUMNS, ("variants:\n  - {key: control, control: true}\n  - {key: coupon}\n", "")
    )
    spec.write_text(base + design(1), encoding="utf-8")
    flag = Flag.from_spec(spec)
    assert flag.payload("discount_pct=5,free_shipping=true,gift=false") == {
        "discount_pct": 5,
        "free_shipping": True,
        "gift": False,
    }


def test_a_payload_is_a_copy() -> None:
    flag = Flag(WINBACK, {"coupon": {"tags": []}})
    flag.payload("coupon")["tags"].append("changed")
    assert flag.payload("coupon") == {"tags": []}


def test_a_payload_of_no_variant_is_refused() -> None:
    with pytest.raises(AssignmentError, match="payloads holds 'gift'; it must be one of control"):
        Flag(WINBACK, {"gift": {}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "The flag is not valid JSON"),
        ("[]", "format is None; it must be 'abtest-flags/v1'"),
        (WINBACK.to_json(), "format is 'abtest-assignment/v1'; it must be"),
        ('{"format": "abtest-flags/v1"}', "it must have"),
        (
            json.dumps({**json.loads(Flag(WINBACK).to_json()), "assignment": {}}),
            "format is None; it must be 'abtest-assignment/v1'",
        ),
    ],
)
def test_another_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(AssignmentError, match=message):
        Flag.from_json(text)
