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
from engines.random_logs import Experiment, random_experiment, random_units
from engines.same import differences

SEEDS = range(12)
ENGINES = ["polars", "pandas", "pyarrow"]


@cache
def expected(seed: int) -> tuple[Experiment, dict[str, Any]]:
    """What DuckDB says, from PyArrow tables."""
    drawn = random_experiment(seed)
    return drawn, analyze(drawn.spec, data=drawn.tables, engine="duckdb").to_dict()


def native(table: pa.Table, engine: str, seed: int) -> Any:
    """The table as a frame of the engine, in one of the ways in which people have it."""
    if engine == "polars":
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame.lazy() if seed % 2 else frame
    if engine == "pandas":
        frame = table.to_pandas()  # numbers with holes become floats
        if seed % 3 == 0:
            return frame.astype(object)
        return frame.convert_dtypes(dtype_backend="pyarrow") if seed % 3 == 1 else frame
    return table


def test_the_logs_hold_what_they_are_for() -> None:
    """Immature and ineligible units, missing amounts, crossover and rows that are not kept."""
    results = [expected(seed)[1] for seed in SEEDS]
    records = [record for result in results for record in result["results"]]
    assert any(record["n_immature"] for record in records)
    assert any(record["n_ineligible"] for record in records)
    assert sum(record["se"] is not None for record in records) > len(records) / 2
    keys = {check["key"] for result in results for check in result["checks"]}
    assert {"crossover", "unknown_variants", "sample_ratio"} <= keys


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_frames_give_the_same_result(engine: str, seed: int) -> None:
    drawn, wanted = expected(seed)
    data = {name: native(table, engine, seed) for name, table in drawn.tables.items()}
    found = analyze(drawn.spec, data=data, engine=engine).to_dict()
    assert differences(wanted, found) == []


@pytest.mark.parametrize("engine", ["duckdb", *ENGINES])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_files_give_the_same_result(engine: str, seed: int, ending: str, tmp_path: Path) -> None:
    drawn, wanted = expected(seed)
    data = {
        name: write(table, tmp_path / f"{name}.{ending}") for name, table in drawn.tables.items()
    }
    found = analyze(drawn.spec, data=data, engine=engine).to_dict()
    assert set(found["data_fingerprints"]) == set(data)
    assert differences(wanted, {**found, "data_fingerprints": {}}) == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", [1, 2])
def test_one_row_per_unit(engine: str, seed: int) -> None:
    drawn = random_units(seed)
    wanted = analyze(drawn.spec, data=drawn.tables, engine="duckdb").to_dict()
    data = {name: native(table, engine, seed) for name, table in drawn.tables.items()}
    assert differences(wanted, analyze(drawn.spec, data=data, engine=engine).to_dict()) == []


def test_frames_choose_their_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from abtest.sources import frame_backends  # noqa: PLC0415 - only its names are replaced

    opened: list[str] = []
    real = frame_backends.PolarsBackend

    def remember() -> Any:
        opened.append("polars")
        return real()

    monkeypatch.setattr(frame_backends, "PolarsBackend", remember)
    drawn, wanted = expected(1)
    for engine, choice in (("polars", ["polars"]), ("pandas", []), ("pyarrow", [])):
        opened.clear()
        data = {name: native(table, engine, 1) for name, table in drawn.tables.items()}
        assert differences(wanted, analyze(drawn.spec, data=data).to_dict()) == []
        assert opened == choice, engine


def test_an_unknown_engine_lists_what_exists() -> None:
    drawn, _ = expected(1)
    with pytest.raises(DataError, match="engine is 'flink'; it must be one of duckdb, polars"):
        analyze(drawn.spec, data=drawn.tables, engine="flink")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_library_is_one_message(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr("importlib.import_module", absent)
    drawn, _ = expected(1)
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
