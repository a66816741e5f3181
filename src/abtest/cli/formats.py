"""How a result is shown: which format, and where it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from abtest.analysis.result import Result

Format = Literal["table", "json", "csv", "md", "html"]
ToldAs = Annotated[
    Literal["text", "json"],
    typer.Option("--format", "-f", help="How it is told on stdout; text is the default."),
]
Lang = Literal["en", "fa", "ar"]
_ENDINGS: dict[str, Format] = {
    ".json": "json",
    ".csv": "csv",
    ".md": "md",
    ".html": "html",
    ".txt": "table",
}


def format_of(output: Path | None) -> Format:
    """The format that a file's ending asks for; the table where there is no file."""
    if output is None:
        return "table"
    ending = _ENDINGS.get(output.suffix.lower())
    if ending is None:
        raise typer.BadParameter(f"{output} has no ending that says how to write it; add --format")
    return ending


def write_result(
    result: Result,
    format_: Format,
    output: Path | None,
    inputs: list[Path],
    lang: Lang = "en",
    *,
    folder: Path,
) -> None:
    """Show a result on stdout, or write it whole to a file that is none of the inputs.

    What people read says what was decided, going by the experiment's folder; JSON and CSV are what
    was found and no more.
    """
    from abtest.analysis.archive.decisions import with_decision
    from abtest.cli.output import write_text
    from abtest.report import print_report, render

    if format_ not in ("json", "csv"):
        result = with_decision(result, folder)
    if output is not None:
        write_text(output, render(result, format_, lang), inputs)
        typer.echo(f"Wrote {output}", err=True)
    elif format_ == "table":
        from rich.console import Console

        print_report(result, Console(), lang)
    else:
        typer.echo(render(result, format_, lang), nl=False)


def tell(told: ToldAs, text: str, data: Mapping[str, object]) -> None:
    """Say on stdout what was done: in words, or as one JSON object for programs."""
    import json

    typer.echo(json.dumps(data, indent=2, ensure_ascii=False) if told == "json" else text)
