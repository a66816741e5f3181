"""abtest analyze: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from abtest.cli.formats import Format, Lang, format_of, write_result
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from abtest.analysis.result import Result


OnBadLines = Literal["fail", "skip"]
Engine = Literal["duckdb", "polars", "pandas", "spark"]


def analyze(
    spec: SpecFile,
    as_of: Annotated[
        str | None,
        typer.Option(help="Up to when the data are complete: 2026-03-01, or a time with offset."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Use another file for a table: orders=path. May be repeated."),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option("--format", "-f", help="table is the default.")
    ] = None,
    engine: Annotated[
        Engine | None, typer.Option(help="Where rows are read and counted; duckdb is the default.")
    ] = None,
    on_bad_lines: Annotated[
        OnBadLines,
        typer.Option(help="Broken lines of CSV files: fail names the first, skip counts them."),
    ] = "fail",
    spark_master: Annotated[
        str | None,
        typer.Option(help="Where Spark is started: local[2] (the default), spark://host:7077."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="How much memory DuckDB takes before it writes to disk: 3500MB, 8GB."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write here instead of to stdout; the ending says how."
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option(help="With the table, also write an HTML report beside the spec.")
    ] = True,
    save: Annotated[
        bool | None,
        typer.Option(
            "--save/--no-save",
            help="Keep the result in results/ beside the spec; with the table that is the default.",
        ),
    ] = None,
    lang: Annotated[
        Lang, typer.Option(help="The language of the table and the report; JSON and CSV have none.")
    ] = "en",
) -> None:
    """Analyze an experiment: a table, a verdict, a report, and the result for the archive.

    Exits with 0 (done), 1 (the spec, the data or a file is at fault), 2 (wrong usage), 3 (a health
    check failed), 4 (not readable yet) or 5 (the spec differs from its frozen plan and no amendment
    says why). With 3, 4 and 5 the output is still written, and marked.
    """
    from abtest.cli.tables import named_tables

    tables = named_tables(data or [])
    format_ = format or format_of(output)
    check_instant(as_of)
    if spark_master is not None and engine != "spark":
        raise typer.BadParameter("--spark-master needs --engine spark")

    from abtest.analysis.analyze import analyze as run
    from abtest.cli.progress import Progress
    from abtest.spec.lock import lock_path

    with Progress() as progress:
        result = run(
            spec,
            data=tables,
            as_of=as_of,
            engine=engine,
            spark_master=spark_master,
            on_bad_lines=on_bad_lines,
            memory=memory,
            progress=progress.step,
        )
    inputs = [spec, lock_path(spec), *input_files(spec, result, tables)]
    write_result(result, format_, output, inputs, lang, folder=spec.parent)
    if format_ == "table" and output is None and report:
        write_report(result, spec, inputs, lang)
    if save or (save is None and format_ == "table" and output is None):
        _save(result, spec, inputs, asked=save is not None)
    raise typer.Exit(result.exit_code)


def check_instant(as_of: str | None) -> None:
    """Refuse an --as-of that is no time."""
    from abtest.instants import parse_instant

    try:
        parse_instant(as_of if as_of is not None else "2026-01-01", "UTC")
    except ValueError as error:
        raise typer.BadParameter(f"--as-of {error}") from error


def input_files(spec: Path, result: Result, tables: dict[str, str]) -> list[Path]:
    """The files that were read, which must not be written over."""
    from abtest.sources.files import files_named

    data = result.spec["data"]
    blocks = [data[name] for name in ("units", "assignments", "totals", "moments")]
    blocks += data["events"].values()
    named = [block["path"] for block in blocks if block and "path" in block]
    prior = result.spec["analysis"]["bayes"]["prior"]["from"]
    named += [prior] if prior is not None else []
    paths = [*named, *tables.values()]
    matched = [found for path in paths for found in files_named(spec.parent, path)]
    return [*(spec.parent / path for path in paths), *matched]


def _save(result: Result, spec: Path, inputs: list[Path], *, asked: bool) -> None:
    from abtest.analysis.archive.saved_results import FOLDER
    from abtest.cli.saving import refuse_shared, save_result
    from abtest.errors import AbtestError

    try:
        refuse_shared(spec, FOLDER)
        told = save_result(result, spec.parent, inputs, force=asked)
    except AbtestError as error:  # nobody asked for it: what was asked for is done
        if asked:
            raise
        typer.echo(f"Not saved: {error}", err=True)
        return
    typer.echo(told, err=asked)


def write_report(result: Result, spec: Path, inputs: list[Path], lang: Lang) -> None:
    """Write the HTML report beside the spec, and say where."""
    from abtest.analysis.archive.decisions import with_decision
    from abtest.cli.output import write_text
    from abtest.errors import AbtestError
    from abtest.report import render

    path = spec.with_suffix(".report.html")
    try:
        write_text(path, render(with_decision(result, spec.parent), "html", lang), inputs)
    except AbtestError as error:  # a folder that cannot be written to is no fault of the analysis
        typer.echo(f"No report: {error}", err=True)
        return
    typer.echo(f"Report: {path}")
