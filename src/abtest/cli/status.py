"""abtest status: where every experiment stands, and what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def status(
    folder: Annotated[
        Path, typer.Argument(help="The folder that holds the experiments; this one by default.")
    ] = Path(),
    on: Annotated[
        str | None, typer.Option(help="The day for which states hold; today is the default.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "json"], typer.Option("--format", "-f", help="table is the default.")
    ] = "table",
) -> None:
    """Show each experiment's state, the next date, and what was decided.

    States are draft, frozen, enrolling, observing (enrolment is over, windows are not), readable,
    decided and abandoned. A file that cannot be used is named and counted; where one of them is
    broken, the exit code is 1.
    """
    import json

    from rich.console import Console

    from abtest.analysis.archive import archive_folder
    from abtest.cli.archive import leave
    from abtest.cli.clock import day
    from abtest.report.archive.terminal import print_archive
    from abtest.report.archive.view import build_archive_view

    found = archive_folder(folder, day(on))
    if format == "json":
        data = json.loads(found.to_json())
        told = {key: data[key] for key in ("on", "experiments", "faults")}
        typer.echo(json.dumps({"schema": "abtest-status/v1", **told}, indent=2, ensure_ascii=False))
    else:
        print_archive(build_archive_view(found, states_only=True), Console())
    leave(found)
