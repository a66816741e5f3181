"""abtest monitor: what a nightly job calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abtest.cli.analyze import Engine, check_instant, input_files, write_report
from abtest.cli.formats import ToldAs, tell
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.sequential.monitoring import NightReport


def monitor(
    spec: SpecFile,
    as_of: Annotated[
        str | None,
        typer.Option(help="Up to when the data are complete: 2026-03-01, or a time with offset."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Use another file for a table: orders=path. May be repeated."),
    ] = None,
    engine: Annotated[
        Engine | None, typer.Option(help="Where rows are read and counted; duckdb is the default.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="How much memory DuckDB takes before it writes to disk: 3500MB, 8GB."),
    ] = None,
    final: Annotated[
        bool,
        typer.Option("--final", help="The last look, however much is mature: spend what is left."),
    ] = False,
    report: Annotated[
        bool, typer.Option(help="Also write the HTML report beside the spec.")
    ] = True,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Take one look at a running experiment, and log it in looks.jsonl beside the spec.

    Exits with 0 (go on), 1 (the spec, the data or a file is at fault), 2 (wrong usage), 3 (a health
    check failed), 5 (the spec drifted from its frozen plan) or 10 (a boundary was crossed).
    """
    from abtest.cli.tables import named_tables

    tables = named_tables(data or [])
    check_instant(as_of)

    from abtest.analysis.sequential.looks import FILE
    from abtest.analysis.sequential.monitoring import monitor as run
    from abtest.cli.output import alone
    from abtest.cli.progress import Progress
    from abtest.cli.saving import refuse_shared

    refuse_shared(spec, FILE)
    with alone(spec.parent, _waits):  # two runs that add to the same log would lose a look
        with Progress() as progress:
            night = run(
                spec,
                as_of=as_of,
                final=final,
                progress=progress.step,
                data=tables,
                engine=engine,
                memory=memory,
            )
        inputs = [spec, *input_files(spec, night.result, tables)]
        _append(night, inputs)
    tell(format, "\n".join(_lines(night)), _data(night))
    if report:
        write_report(night.result, spec, inputs, "en")
    raise typer.Exit(night.exit_code)


def _waits() -> None:
    typer.echo("Another run is taking a look here; this one waits until it is done.", err=True)


def _append(night: NightReport, inputs: list[Path]) -> None:
    """All of the log with its new lines, then its last fingerprint beside it, each as a whole.

    A run that is stopped between the two leaves a log that goes on after the fingerprint; the next
    one writes it.
    """
    from abtest.analysis.sequential.log_chain import HEAD, last_of
    from abtest.cli.output import write_text

    path = night.path
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if night.text:
        text += night.text
        write_text(path, text, inputs)
    head, last = path.with_name(HEAD), last_of(text)
    known = head.read_text(encoding="utf-8").strip() if head.exists() else None
    if last is not None and last != known:
        write_text(head, f"{last}\n", inputs)


def _lines(night: NightReport) -> Iterator[str]:
    from abtest.report.nights import night_lines

    yield from night_lines(night.rows)
    for check in night.result.checks:
        if check.status == "fail":
            yield f"Check failed: {check.message}"
        elif check.key == "restated":
            yield f"Note: {check.message}"
    if night.unchained:
        yield _UNCHAINED.format(path=night.path, n=night.unchained)
    for as_of in night.restated:
        yield f"The data of the look of {as_of} have changed since: logged as a restatement."
    yield _WORDS[night.told].format(path=night.path, as_of=night.result.as_of)


def _data(night: NightReport) -> dict[str, object]:
    checks = night.result.checks
    return {
        "schema": "abtest-monitor/v1",
        "as_of": night.result.as_of,
        "told": night.told,
        "file": str(night.path),
        "exit_code": night.exit_code,
        "rows": [row.model_dump(mode="json") for row in night.rows],
        "failed": [
            {"key": one.key, "message": one.message} for one in checks if one.status == "fail"
        ],
        "restated": list(night.restated),
        "unchained": night.unchained,
    }


_UNCHAINED = (
    "Note: an earlier version wrote the first {n} lines of {path}; whether they were changed since "
    "cannot be seen"
)
_WORDS = {
    "logged": "Logged the look of {as_of} in {path}",
    "repeated": "The look of {as_of} is in {path} already",
    "restated": "The look of {as_of} stays as it was logged in {path}",
    "over": "The plan has stopped: no further look is logged in {path}",
    "drifted": "No look is logged: the spec differs from its frozen plan (abtest amend says why), "
    "or its lock is gone",
    "nothing": "No look yet: nothing is mature up to {as_of}",
}
