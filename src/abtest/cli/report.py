"""abtest report: any view of a result, from its JSON alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abtest.cli.formats import Format, Lang, format_of, write_result


def report(
    result: Annotated[Path, typer.Argument(help="What analyze wrote as JSON.")],
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option("--format", "-f", help="table is the default.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write here instead of to stdout; the ending says how."
        ),
    ] = None,
    lang: Annotated[
        Lang, typer.Option(help="The language of the table and the report; JSON and CSV have none.")
    ] = "en",
) -> None:
    """Show a result again: the same bytes as analyze gave, without spec or data.

    Exits with 0 (done), 1 (the file is at fault) or 2 (wrong usage), whatever the result says.
    """
    format_ = format or format_of(output)

    from abtest.analysis.result_file import read_result
    from abtest.errors import DataError

    found = read_result(result)
    try:
        write_result(found, format_, output, [result], lang, folder=_home(result))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The free parts of a result (the spec, curves, details) are not checked key by key.
        what = f"{type(error).__name__}: {error}"
        raise DataError(
            f"{result} holds something that abtest does not write ({what})",
            "analyze again to write it anew.",
        ) from error


def _home(result: Path) -> Path:
    """The folder of the experiment, which may hold a decision."""
    from abtest.analysis.archive.saved_results import FOLDER

    home = result.absolute().parent
    return home.parent if home.name == FOLDER else home
