"""Data frames: the same answers as one call per customer, in a frame of the same kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from abtest import Experiment, SpecError, assign, assign_table
from abtest.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC = """\
spec: abtest/v1
key: winback
kind: messaging
unit: customer_id
variants: [{key: control, control: true}, {key: "it's"}]
assignment: {coverage: 0.5}
schedule: {start: 2026-01-01, timezone: Europe/Berlin}
data: {units: {path: customers.csv, variant: variant}}
metrics: [{key: bought, kind: proportion, column: bought, role: primary}]
"""
AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
IDS = [f"C{n}" for n in range(500)] + ["مشتری", "a'b", 'say "no"']
TABLE = pa.table({"customer_id": IDS, "tier": ["gold"] * len(IDS)})
KINDS: dict[str, Callable[[], Any]] = {
    "pandas": TABLE.to_pandas,
    "polars": lambda: pl.from_arrow(TABLE),
    "pyarrow": lambda: TABLE,
    "polars lazy": lambda: pl.LazyFrame(pl.from_arrow(TABLE)),
    "relation": lambda: duckdb.connect().from_arrow(TABLE),
}
RETURNED = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.Table,
    "polars lazy": pl.DataFrame,
    "relation": pa.Table,
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """The rows of any kind of frame."""
    if isinstance(frame, pd.DataFrame):
        return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
    rows: list[dict[str, Any]]
    rows = frame.to_dicts() if isinstance(frame, pl.DataFrame) else frame.to_pylist()
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_gets_what_each_customer_would_get_alone(spec: Path, kind: str) -> None:
    found = assign_table(spec, KINDS[kind](), at="2026-01-05T09:00")
    assert isinstance(found, RETURNED[kind])
    rows = rows_of(found)
    assert [row["customer_id"] for row in rows] == IDS
    assert {row["tier"] for row in rows} == {"gold"}
    experiment = Experiment.from_spec(spec)
    for row in rows:
        one = assign(experiment, row["customer_id"], at=AT)
        assert (row["reason"], row["bucket"]) == one[1:3]
        assert (row["variant"] if row["reason"] == "split" else None) == one[0]
        assert row["assigned_at"] == "2026-01-05T09:00:00+01:00"


def test_whole_numbers_are_the_same_customers_as_their_digits(spec: Path) -> None:
    numbers = pd.DataFrame({"customer_id": range(200)})
    texts = numbers.astype(str)
    for other in (texts, texts.astype("category"), numbers.astype(float)):
        left, right = (assign_table(spec, frame, at=AT) for frame in (numbers, other))
        pd.testing.assert_series_equal(left["variant"], right["variant"])


def test_damaged_ids(spec: Path) -> None:
    frame = pd.DataFrame({"customer_id": ["C1", None, " C2"]})
    with pytest.raises(DataError, match=r"2 of 3 ids are dirty: missing 1, outer_blanks 1"):
        assign_table(spec, frame, at=AT)
    kept = assign_table(spec, frame, at=AT, on_bad_id="exclude")
    assert list(kept["customer_id"]) == ["C1"]


def test_what_is_refused(spec: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["C1"]})
    with pytest.raises(DataError, match=r"has no column 'customer_id'"):
        assign_table(spec, frame, at=AT)
    with pytest.raises(DataError, match=r"customers is a list\n  Hint: Pass a pandas"):
        assign_table(spec, ["C1"], at=AT)
    with pytest.raises(DataError, match=r"at is 'soon'; it must be a date"):
        assign_table(spec, frame, at="soon")
    with pytest.raises(SpecError, match="does not exist"):
        assign_table(tmp_path / "no.yaml", frame, at=AT)


def test_words_and_frames_that_are_not_known(spec: Path) -> None:
    frame = pd.DataFrame({"customer_id": ["C1"]})
    word: Any = "everything"
    with pytest.raises(DataError, match="check_ids is 'everything'; it must be one of none, basic"):
        assign_table(spec, frame, at=AT, check_ids=word)
    with pytest.raises(DataError, match="on_bad_id is 'everything'; it must be one of fail, excl"):
        assign_table(spec, frame, at=AT, on_bad_id=word)
    nothing: Any = None
    with pytest.raises(DataError, match="at is 'None'; it must be a date"):
        assign_table(spec, frame, at=nothing)
    twice = pd.DataFrame([["C1", 1, 2]], columns=["customer_id", "x", "x"])
    with pytest.raises(DataError, match="customers has several columns of one name"):
        assign_table(spec, twice, at=AT)
    backwards = pd.DataFrame({"customer_id": ["C1", "C2"]})[::-1]
    assert list(assign_table(spec, backwards, at=AT)["customer_id"]) == ["C2", "C1"]
