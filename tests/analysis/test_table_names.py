"""Messages name the table that was read, and the result the spec as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from abtest import DataError, SpecError, analyze
from abtest.spec.load import parse_spec
from analysis.by_hand import WON, spec_for

if TYPE_CHECKING:
    from pathlib import Path

UNITS = {"units": {"path": "units.csv", "variant": "variant"}}
ROWS = pd.DataFrame(
    [(f"c{i}", "coupon" if i % 2 else "control", i % 3 == 0) for i in range(40)],
    columns=["id", "variant", "won"],
)


def test_a_file_in_place_of_the_specs_is_the_one_that_is_named(tmp_path: Path) -> None:
    other = tmp_path / "march.csv"
    other.write_text("id,variant\na,control\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"'won', which is no column of .*march\.csv"):
        analyze(spec_for(UNITS, [WON]), data={"units": str(other)})
    other.write_text("id,variant,won\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"march\.csv has no rows") as error:
        analyze(spec_for(UNITS, [WON]), data={"units": other})
    assert "units.csv" not in str(error.value)


def test_a_frame_is_named_as_it_was_passed() -> None:
    with pytest.raises(SpecError, match=r"'won', which is no column of data\['units'\]"):
        analyze(spec_for(UNITS, [WON]), data={"units": ROWS.drop(columns="won")})


def test_the_result_keeps_the_spec_as_it_was_written() -> None:
    spec = spec_for(UNITS, [WON])
    found = analyze(spec, data={"units": ROWS})
    assert found.spec["data"]["units"]["path"] == "units.csv"
    assert found.spec_fingerprint == parse_spec(spec).spec.fingerprint()
