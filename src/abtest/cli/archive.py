"""abtest archive: what all experiments of a folder say together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from abtest.analysis.archive import Archive

Format = Literal["table", "json", "html"]
_ENDINGS: dict[str, Format] = {".json": "json", ".html": "html", ".txt": "table"}


def archive(
    folder: Annotated[Path, typer.Argument(help="The folder that holds the experiments.")],
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option("--format", "-f", help="table is the default.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write here instead of to stdout; the ending says how."
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave this experiment's lifts out, because it will use the priors. May be "
            "repeated."
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="The day for which states hold; today is the default.")
    ] = None,
) -> None:
    """Show past lifts by kind, win rates, forecasts, a meta-analysis, and priors for what is next.

    It reads the spec, results/ and decision.json of every folder below. As JSON it holds the
    priors that a spec can use; as HTML it is an index of all experiments. A file that cannot be
    used is named and counted; where one of them is broken, the exit code is 1.
    """
    from abtest.analysis.archive import archive_folder
    from abtest.cli.clock import day
    from abtest.cli.output import write_text
    from abtest.report.archive import render_archive

    format_ = format or _format_of(output)
    found = archive_folder(folder, day(on), leave_out or ())
    _check_known(found, leave_out or [])
    if output is not None:
        write_text(output, render_archive(found, format_), _files(found, folder))
        typer.echo(f"Wrote {output}", err=True)
    elif format_ == "table":
        from rich.console import Console

        from abtest.report.archive.terminal import print_archive
        from abtest.report.archive.view import build_archive_view

        print_archive(build_archive_view(found), Console())
    else:
        typer.echo(render_archive(found, format_), nl=False)
    leave(found)


def leave(found: Archive) -> None:
    """Name the faults on stderr, and end with the exit code that they call for."""
    for fault in found.faults:
        typer.echo(f"{fault.kind}: {fault.file}: {fault.problem}", err=True)
    raise typer.Exit(1 if any(fault.kind == "broken" for fault in found.faults) else 0)


def _format_of(output: Path | None) -> Format:
    if output is None:
        return "table"
    ending = _ENDINGS.get(output.suffix.lower())
    if ending is None:
        raise typer.BadParameter(f"{output} has no ending that says how to write it; add --format")
    return ending


def _check_known(found: Archive, leave_out: list[str]) -> None:
    known = [entry.experiment for entry in found.experiments]
    for key in leave_out:
        if key not in known:
            from abtest.spec.faults import nearest

            hint = nearest(key, [name for name in known if name])
            raise typer.BadParameter(f"--leave-out is {key!r}, which is no experiment; {hint}")


def _files(found: Archive, folder: Path) -> list[Path]:
    """What was read, and what other commands wrote: none of it is written over."""
    from abtest.analysis.archive.decisions import FILE
    from abtest.analysis.archive.saved_results import FOLDER
    from abtest.spec.lock import lock_path

    files = []
    for entry in found.experiments:
        spec = folder / entry.file
        home = spec.parent
        results = home / FOLDER
        files += [spec, home / FILE, lock_path(spec)]
        files += results.iterdir() if results.is_dir() else []
    return files
