"""abtest backlog: what to try next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def backlog(
    folder: Annotated[
        Path,
        typer.Argument(help="The folder that holds backlog.yaml and the experiments."),
    ] = Path(),
    on: Annotated[
        str | None, typer.Option(help="The day for which states hold; today is the default.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "json"], typer.Option("--format", "-f", help="table is the default.")
    ] = "table",
) -> None:
    """Rank the hypotheses that have not been run: chance of success times value, less cost, a week.

    The chance comes from the folder's own past experiments of the same kind and metric where there
    are any, else from backlog.yaml. Reasons why customers leave that no hypothesis is about are
    named, and so are drafts of experiments that are in no hypothesis.
    """
    from abtest.analysis.archive import archive_folder
    from abtest.analysis.backlog import rank_backlog
    from abtest.cli.clock import day
    from abtest.errors import DataError
    from abtest.spec.backlog import FILE, load_backlog

    path = folder / FILE
    if not path.is_file():
        raise DataError(
            f"{folder} has no {FILE}",
            "Write one: why customers leave, and what might help. See "
            "docs/how-to/keep-a-backlog.md.",
        )
    found = load_backlog(path)
    archive = archive_folder(folder, day(on))
    for fault in archive.faults:
        typer.echo(f"{fault.kind}: {fault.file}: {fault.problem}", err=True)
    ranked = rank_backlog(found, archive)
    if format == "json":
        typer.echo(ranked.to_json(), nl=False)
        return
    from rich.console import Console

    from abtest.report.backlog import print_backlog

    print_backlog(ranked, Console())
