"""abtest sql: the split as a statement for the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from abtest.cli.formats import ToldAs, tell
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

Engine = Literal[
    "duckdb",
    "postgres",
    "spark",
    "bigquery",
    "snowflake",
    "redshift",
    "trino",
    "clickhouse",
    "mysql",
    "sqlserver",
]


def sql(
    spec: SpecFile,
    dialect: Annotated[Engine, typer.Option(help="The engine that will run it.")],
    table: Annotated[
        str, typer.Option(help="What stands after FROM: a table, or a view of who is eligible.")
    ] = "customers",
    at: Annotated[
        str | None,
        typer.Option(
            help="The time of assignment: 2026-01-05T09:00. Needed where the spec has phases; "
            "without it the schedule is not checked."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of to stdout.")
    ] = None,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Print one SELECT that splits a table in the warehouse.

    It gives every customer the variant that `abtest assign` and `from abtest import assign` give.
    """
    from abtest.assignment.dialects import RUN
    from abtest.assignment.sql import select
    from abtest.cli.output import write_text
    from abtest.instants import parse_instant
    from abtest.spec import load_spec
    from abtest.spec.assignable import experiment_in, hashed_column

    loaded = load_spec(spec)
    try:
        moment = parse_instant(at, loaded.spec.schedule.timezone) if at is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"--at {error}") from error
    experiment = experiment_in(loaded)
    text = select(
        experiment,
        dialect,
        column=hashed_column(loaded.spec),
        table=table,
        unit=loaded.spec.unit,
        at=moment,
    )
    if dialect not in RUN:
        typer.echo(
            f"warning: no test of abtest has run this on {dialect}; compare a few rows with "
            "`abtest assign` first",
            err=True,
        )
    if output is not None:
        write_text(output, text, [spec])
        typer.echo(f"Wrote {output}", err=True)
    if output is None or format == "json":
        tell(format, text.removesuffix("\n"), _data(text, experiment.key, dialect, output))


def _data(text: str, key: str, dialect: Engine, output: Path | None) -> dict[str, object]:
    from abtest.assignment.dialects import RUN

    return {
        "schema": "abtest-sql/v1",
        "file": None if output is None else str(output),
        "experiment": key,
        "dialect": dialect,
        "tested": dialect in RUN,
        "statement": text,
    }
