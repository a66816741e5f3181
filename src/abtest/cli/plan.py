"""abtest plan: can an answer come, how large must the effect be, and when is it there?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from abtest.cli.spec_file import spec_file

if TYPE_CHECKING:
    from abtest.analysis.planning.model import Plan
    from abtest.spec import LoadedSpec

Format = Literal["table", "json", "md", "html"]


def plan(
    spec: Annotated[
        Path | None,
        typer.Argument(help="The experiment's YAML, or its folder.", callback=spec_file),
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(
            help="Past data of a table, read by the spec's own metrics: orders=orders.parquet. "
            "May be repeated."
        ),
    ] = None,
    history_end: Annotated[
        str | None,
        typer.Option(help="Up to when the history is complete; the schedule's start by default."),
    ] = None,
    customers: Annotated[
        Path | None,
        typer.Option(help="The list that will be assigned: are its variants alike beforehand?"),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            min=1, help="With --customers: take the best balanced of so many seeds; -o writes it."
        ),
    ] = 1,
    start: Annotated[
        str | None, typer.Option(help="The first day of enrolment, where the schedule has none.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format, typer.Option("--format", "-f", help="table is the default.")
    ] = "table",
    diff: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two versions of a spec: what its new weights would do to customers."),
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(min=1, help="With --diff: how many customers are enrolled."),
    ] = None,
    write_ranges: Annotated[
        bool,
        typer.Option(
            "--write-ranges",
            help="With --diff: print ranges for the last phase of the new spec with which no more "
            "customers switch than must.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write here; with --diff the new spec with its ranges, with --seeds the spec with "
            "its seed.",
        ),
    ] = None,
) -> None:
    """Plan an experiment: how many units it needs, what it can find week by week, and when.

    What is normal is read off a history by the spec's own metrics, or said by the spec's block
    `plan`. Exits with 0 whatever the verdict. With --customers it compares the variants of a known
    list on what the analysis adjusts for, under the spec's seed or the best of several.

    With --diff: how many customers would change variant between two versions of a spec.
    """
    if diff is not None:
        from abtest.cli.plan_diff import plan_diff

        if spec is not None or history or start is not None:
            raise typer.BadParameter("--diff compares two specs and plans none")
        plan_diff(diff, units, write_ranges=write_ranges, output=output)
        return
    if spec is None:
        raise typer.BadParameter("a spec is missing, or --diff with two of them")
    if units is not None or write_ranges:
        raise typer.BadParameter("--units and --write-ranges belong to --diff")
    if customers is None and seeds > 1:
        raise typer.BadParameter("--seeds belongs to --customers")
    made = _plan(spec, history or [], history_end, start)
    if customers is not None:
        from abtest.cli.plan_balance import balance_for, write_seed

        made = made.model_copy(update={"balance": balance_for(spec, customers, made.start, seeds)})
        if seeds > 1 and output is not None:
            write_seed(spec, made, output)
            output = None
    _write(made, format, output, spec)


def _plan(path: Path, history: list[str], history_end: str | None, start: str | None) -> Plan:
    from abtest.analysis.archive.past_priors import with_past_prior
    from abtest.analysis.planning.history import read_history
    from abtest.analysis.planning.plan import make_plan
    from abtest.cli.past import past_tables
    from abtest.spec import load_spec

    loaded = load_spec(path)
    first, spec = _start(loaded, start), with_past_prior(loaded)
    if not history:
        return make_plan(spec, first)
    with past_tables(loaded, history, history_end or first.isoformat()) as past:
        found = read_history(spec, past.engine, past.tables, past.end)
    return make_plan(spec, first, found)


def _start(loaded: LoadedSpec, start: str | None) -> date:
    said = start or loaded.spec.schedule.start
    if said is None:
        raise typer.BadParameter("the spec has no schedule.start; say --start 2026-01-05")
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise typer.BadParameter(f"--start is {said!r}; it must be a date: 2026-01-05") from error


def _write(made: Plan, format_: Format, output: Path | None, spec: Path) -> None:
    from abtest.cli.output import write_text
    from abtest.report.planning import render_plan

    if output is not None:
        write_text(output, render_plan(made, format_), [spec])
        typer.echo(f"Wrote {output}", err=True)
    elif format_ == "table":
        from rich.console import Console

        from abtest.report.planning import print_plan

        print_plan(made, Console())
    else:
        typer.echo(render_plan(made, format_), nl=False)
