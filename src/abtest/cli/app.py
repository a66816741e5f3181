"""The command line: one thin file per command.

Heavy imports happen inside the commands, so that ``abtest --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys

import typer

from abtest import __version__
from abtest.cli.amend import amend
from abtest.cli.analyze import analyze
from abtest.cli.archive import archive
from abtest.cli.assign import assign
from abtest.cli.backlog import backlog
from abtest.cli.compile import compile_
from abtest.cli.decide import decide
from abtest.cli.freeze import freeze
from abtest.cli.init import init
from abtest.cli.monitor import monitor
from abtest.cli.plan import plan
from abtest.cli.rehearse import rehearse
from abtest.cli.report import report
from abtest.cli.schema import schema
from abtest.cli.simulate import simulate
from abtest.cli.sql import sql
from abtest.cli.status import status
from abtest.cli.validate import validate
from abtest.errors import AbtestError

app = typer.Typer(
    name="abtest",
    help="Find out whether a price, a message or an incentive makes customers come back.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # joins the lines of a docstring
)

COMMANDS = (
    init,
    validate,
    schema,
    plan,
    simulate,
    rehearse,
    freeze,
    amend,
    assign,
    sql,
    compile_,
    analyze,
    monitor,
    report,
    decide,
    archive,
    status,
    backlog,
)

for command in COMMANDS:
    app.command(command.__name__.rstrip("_"))(command)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"abtest {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options of every command."""


def main() -> None:
    """Run a command; whatever goes wrong is one message on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a name must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Ends like any other way out, so that a temporary file is not left behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        app()
    except AbtestError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except Exception as error:
        if os.environ.get("ABTEST_DEBUG"):
            raise
        kind = type(error).__name__
        _fail(
            f"abtest failed on something it should handle ({kind}: {error})\n"
            "  Hint: set ABTEST_DEBUG=1 to see where, and report it."
        )


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    sys.exit(1)
