"""Every metric on every engine over the same random logs: the same counts, moments and checks."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from abtest import DataError, analyze
from abtest.stats.bayes.baseline_lift import baseline_lift
from engines.drawn import drawn_experiment
from engines.random_logs import Experiment
from engines.same import differences

# Each engine's way to hold a table, its zone, ids and rules change with the seed.
NAMES = ["logs-0", "logs-1", "kinds-1", "kinds-2", "kinds-3", "kinds-4", "logs-3"]
NAMES += ["clusters-1", "units-1", "rows-0", "rows-1"]
ENGINES = ["polars", "pandas", "pyarrow"]
integrated = cache(baseline_lift)
job = sys.modules["abtest.analysis.analyze"]  # not the function of that name


def once(control: Any, treatments: Any, *others: Any) -> Any:
    """The same counts have the same posterior: it is integrated once, not on every engine."""
    return integrated(control, tuple(treatments), *others)


def answer(drawn: Experiment, data: dict[str, Any], engine: str | None) -> dict[str, Any]:
    """The result, with the sufficient statistics that it was made of."""
    found: list[Any] = []
    real = job.summarize

    def remember(*arguments: Any) -> Any:
        found.append(real(*arguments))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "summarize", remember)
        patch.setattr("abtest.methods.bayes.baseline_lift", once)
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
    """Immature and ineligible units, missing amounts, strata, and rows that are not read."""
    results = []
    for name in ("kinds-1", "kinds-2", "rows-0", "rows-1"):
        drawn = drawn_experiment(name)
        results.append(answer(drawn, drawn.tables, "polars"))
    records = [record for result in results for record in result["results"]]
    assert any(record["n_immature"] for record in records)
    assert any(record["n_ineligible"] for record in records)
    assert any(record["variance_reduction"] for record in records)
    assert sum(record["se"] is not None for record in records) > len(records) * 3 / 4
    assert {record["method"] for record in records} >= {"kaplan_meier", "quantile"}
    keys = {check["key"] for result in results for check in result["checks"]}
    assert {"crossover", "unknown_variants", "sample_ratio", "rows_left_out"} <= keys
    assert {"taken_off", "response_rates", "averaged_rows", "immature_units"} <= keys
    counts = [one for result in results for one in result["summaries"].summaries.values()]
    assert any(len(one.parts) > 1 for one in counts)


@pytest.mark.parametrize("name", NAMES)
def test_frames_give_the_same_result(name: str) -> None:
    drawn, place = drawn_experiment(name), NAMES.index(name)
    wanted = answer(drawn, drawn.tables, "duckdb")
    for engine in ENGINES:
        data = {key: native(table, engine, place) for key, table in drawn.tables.items()}
        found = answer(drawn, data, engine)
        assert (engine, differences(wanted, found)) == (engine, [])


@pytest.mark.parametrize(
    ("name", "ending"), [("logs-1", "csv"), ("rows-0", "csv.gz"), ("logs-3", "parquet")]
)
def test_files_give_the_same_result(name: str, ending: str, tmp_path: Path) -> None:
    drawn = drawn_experiment(name)
    wanted = answer(drawn, drawn.tables, "duckdb")
    data = {key: write(table, tmp_path / f"{key}.{ending}") for key, table in drawn.tables.items()}
    for engine in ("duckdb", *ENGINES):
        found = answer(drawn, data, engine)
        assert set(found["data_fingerprints"]) == set(data)
        assert (engine, differences(wanted, {**found, "data_fingerprints": {}})) == (engine, [])


def test_frames_choose_their_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from abtest.sources import frame_backends  # noqa: PLC0415 - only its names are replaced

    opened: list[str] = []
    real = frame_backends.PolarsBackend

    def remember() -> Any:
        opened.append("polars")
        return real()

    monkeypatch.setattr(frame_backends, "PolarsBackend", remember)
    drawn = drawn_experiment("units-1")
    wanted = answer(drawn, drawn.tables, "duckdb")
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
