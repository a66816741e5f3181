"""Every metric on every engine over the same random logs: the same counts, moments and checks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from abtest import DataError, analyze
from abtest.analysis import analyze as job
from engines.drawn import drawn_experiment
from engines.random_logs import Experiment
from engines.same import differences

# Each engine's way to hold a table, its zone, ids and rules change with the seed.
NAMES = [*(f"logs-{seed}" for seed in range(5)), *(f"kinds-{seed}" for seed in range(6))]
NAMES += ["clusters-1", "clusters-3", "units-1", "rows-0", "rows-1"]
ENGINES = ["polars", "pandas", "pyarrow"]


@cache
def expected(name: str) -> tuple[Experiment, dict[str, Any]]:
    """What DuckDB says, from PyArrow tables."""
    drawn = drawn_experiment(name)
    return drawn, answer(drawn, drawn.tables, "duckdb")


def answer(drawn: Experiment, data: dict[str, Any], engine: str | None) -> dict[str, Any]:
    """The result, with the sufficient statistics that it was made of."""
    found: list[Any] = []
    real = job.summarize

    def remember(*arguments: Any) -> Any:
        found.append(real(*arguments))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "summarize", remember)
        result = analyze(drawn.spec, data=data, engine=engine).to_dict()
    return {**result, "summaries": found[0]}


def native(table: pa.Table, engine: str, place: int) -> Any:
    """The table as a frame of the engine, in one of the ways in which people have it."""
    if engine == "polars":
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame.lazy() if place % 2 else frame
    if engine == "pandas":
        frame = table.to_pandas()  # numbers with holes become floats
        if place % 3 == 0:
            return frame.astype(object)
        return frame.convert_dtypes(dtype_backend="pyarrow") if place % 3 == 1 else frame
    return table


def test_the_logs_hold_what_they_are_for() -> None:
    """Immature and ineligible units, missing amounts, crossover and rows that are not kept."""
    results = [expected(name)[1] for name in NAMES]
    records = [record for result in results for record in result["results"]]
    assert any(record["n_immature"] for record in records)
    assert any(record["n_ineligible"] for record in records)
    assert any(record["variance_reduction"] for record in records)
    assert sum(record["se"] is not None for record in records) > len(records) * 3 / 4
    assert {record["method"] for record in records} >= {"kaplan_meier", "quantile"}
    keys = {check["key"] for result in results for check in result["checks"]}
    assert {"crossover", "unknown_variants", "sample_ratio", "rows_left_out"} <= keys
    assert {"taken_off", "response_rates", "averaged_rows", "immature_units"} <= keys
    off = [check for result in results for check in result["checks"] if check["key"] == "taken_off"]
    assert {details["by"] for check in off for details in check["details"].values()} >= set()
    assert any(
        counts.parts and len(counts.parts) > 1
        for result in results
        for counts in result["summaries"].summaries.values()
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_frames_give_the_same_result(engine: str, name: str) -> None:
    drawn, wanted = expected(name)
    place = NAMES.index(name)
    data = {key: native(table, engine, place) for key, table in drawn.tables.items()}
    assert differences(wanted, answer(drawn, data, engine)) == []


@pytest.mark.parametrize("engine", ["duckdb", *ENGINES])
@pytest.mark.parametrize(
    ("name", "ending"), [("logs-1", "csv"), ("logs-2", "csv.gz"), ("kinds-2", "parquet")]
)
def test_files_give_the_same_result(engine: str, name: str, ending: str, tmp_path: Path) -> None:
    drawn, wanted = expected(name)
    data = {key: write(table, tmp_path / f"{key}.{ending}") for key, table in drawn.tables.items()}
    found = answer(drawn, data, engine)
    assert set(found["data_fingerprints"]) == set(data)
    assert differences(wanted, {**found, "data_fingerprints": {}}) == []


def test_frames_choose_their_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from abtest.sources import frame_backends  # noqa: PLC0415 - only its names are replaced

    opened: list[str] = []
    real = frame_backends.PolarsBackend

    def remember() -> Any:
        opened.append("polars")
        return real()

    monkeypatch.setattr(frame_backends, "PolarsBackend", remember)
    drawn, wanted = expected("units-1")
    for engine, choice in (("polars", ["polars"]), ("pandas", []), ("pyarrow", [])):
        opened.clear()
        data = {name: native(table, engine, 1) for name, table in drawn.tables.items()}
        assert differences(wanted, answer(drawn, data, None)) == []
        assert opened == choice, engine


def test_an_unknown_engine_lists_what_exists() -> None:
    drawn = drawn_experiment("units-1")
    with pytest.raises(DataError, match="engine is 'flink'; it must be one of duckdb, polars"):
        analyze(drawn.spec, data=drawn.tables, engine="flink")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_library_is_one_message(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr("importlib.import_module", absent)
    drawn = drawn_experiment("units-1")
    with pytest.raises(
        DataError, match=rf"engine {engine} needs .*\n  Hint: pip install \"abtest\["
    ):
        analyze(drawn.spec, data=drawn.tables, engine=engine)


def write(table: pa.Table, path: Path) -> str:
    if path.name.endswith("parquet"):
        pyarrow.parquet.write_table(table, path)
    elif path.name.endswith(".gz"):
        with pa.CompressedOutputStream(path, "gzip") as file:
            pyarrow.csv.write_csv(table, file)
    else:
        pyarrow.csv.write_csv(table, path)
    return str(path)
