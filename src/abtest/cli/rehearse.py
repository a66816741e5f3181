"""abtest rehearse: an experiment replayed on the team's own past."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from abtest.analysis.rehearsal.replay import Replay


def rehearse(
    spec: SpecFile,
    history: Annotated[
        list[str],
        typer.Option(
            help="Past data of a table, read by the spec's own metrics: orders=orders.parquet. "
            "May be repeated."
        ),
    ],
    history_end: Annotated[
        str | None,
        typer.Option(help="Up to when the history is complete; the schedule's start by default."),
    ] = None,
    replays: Annotated[int, typer.Option("-n", min=1, help="How many replays.")] = 1000,
    effect: Annotated[
        list[str] | None,
        typer.Option(
            help="Plant an effect in every treatment: repeat_purchase_30d=+5%. May be repeated; "
            "without any nothing differs (A/A)."
        ),
    ] = None,
    redeemed: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="The share of a treatment's orders that redeems, where the history has no "
            "redemptions and the decision is in money.",
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Where chance starts.")] = 1,
    processes: Annotated[
        int | None, typer.Option(min=1, help="On how many cores; all by default.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Keep every replay in this file, and go on from it where a run was interrupted."
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["table", "json"], typer.Option("--format", "-f", help="table is the default.")
    ] = "table",
) -> None:
    """Replay an experiment on past data: what would it have said where the truth is known?

    The metrics are read once; then units are dealt out anew, added up, and analysed and decided by
    the code that `abtest analyze` runs. The answer is the rate of false positives (with a planted
    effect the power), the coverage of the intervals, how often each verdict would have come, and
    what the decisions would have been worth in money.
    """
    from abtest.analysis.rehearsal.rehearse import rehearsal_of
    from abtest.report.rehearsal import print_rehearsal, render_json

    past = _Past(history, history_end, redeemed)
    replay = _replay(spec, past, effect or [], seed)
    made = _made(replay, replays, processes or os.cpu_count() or 1, resume)
    found = rehearsal_of(replay, made)
    if format == "json":
        typer.echo(render_json(found), nl=False)
        return
    from rich.console import Console

    print_rehearsal(found, Console())


@dataclass(frozen=True, slots=True)
class _Past:
    """What the command line says of the past."""

    history: list[str]
    end: str | None
    redeemed: float


def _replay(path: Path, given: _Past, effects: list[str], seed: int) -> Replay:
    from abtest.analysis.rehearsal.effects import plant
    from abtest.analysis.rehearsal.outcomes import read_outcomes
    from abtest.analysis.rehearsal.rehearse import replay_of
    from abtest.analysis.simulation.effects import parse_effect
    from abtest.cli.past import past_tables
    from abtest.spec import load_spec
    from abtest.spec.cells import with_cells

    loaded = load_spec(path)
    spec = with_cells(loaded.spec)
    wanted = [parse_effect(text, spec) for text in effects]
    for one in wanted:
        if one.variant is not None:
            raise typer.BadParameter(
                "effects are planted in every treatment: leave out the variant"
            )
    with past_tables(loaded, given.history, given.end) as past:
        outcomes = read_outcomes(spec, past.engine, past.tables, past.end, given.redeemed)
    planted = plant(outcomes, [(one.metric, one.change, one.relative) for one in wanted])
    return replay_of(spec, outcomes, planted, seed)


def _made(replay: Replay, count: int, processes: int, resume: Path | None) -> list[dict[str, Any]]:
    """All replays: those that an earlier run has left, and the rest."""
    from abtest.analysis.rehearsal.rehearse import replays
    from abtest.cli.replay_file import ReplayFile

    kept = ReplayFile(resume, replay) if resume is not None else None
    made = kept.read()[:count] if kept is not None else []
    rest = range(len(made), count)
    with _bar(count, len(made)) as advance:
        for one in replays(replay, rest, processes=processes):
            made.append(one)
            if kept is not None:
                kept.append(json.dumps(one, ensure_ascii=False))
            advance()
    return made


class _bar:  # noqa: N801 - used like a function
    """A progress bar on stderr, for people at a terminal."""

    def __init__(self, total: int, done: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("Replays", total=total, completed=done)

    def __enter__(self) -> Any:  # noqa: ANN401 - a callable without arguments
        self._bar.start()
        return lambda: self._bar.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
