"""abtest simulate: a whole campaign, invented, with a known truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.simulation.baselines import Planned
    from abtest.analysis.simulation.simulate import Simulated
    from abtest.spec import Spec


def simulate(
    spec: SpecFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write to; made if need be.")
    ],
    effect: Annotated[
        list[str] | None,
        typer.Option(
            help="What the variants do: repeat_purchase_30d=+5%, or coupon:orders_30d=+0.02 for "
            "one of them. May be repeated; without any nothing differs."
        ),
    ] = None,
    customers: Annotated[int, typer.Option(min=1, help="How many customers come.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Where chance starts.")] = 1,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["parquet", "csv"], typer.Option("--format", "-f", help="Of the tables.")
    ] = "parquet",
) -> None:
    """Invent a campaign with a known truth, to rehearse all of it: assign, analyze, decide.

    Writes experiment.yaml, its tables, and truth.json with the true value of each metric.
    """
    from abtest.analysis.simulation.effects import parse_effect
    from abtest.analysis.simulation.simulate import simulate as run
    from abtest.spec import load_spec
    from abtest.spec.cells import with_cells
    from abtest.spec.layers import layers_for

    loaded = load_spec(spec)
    split = with_cells(loaded.spec)
    effects = [parse_effect(text, split) for text in effect or []]
    layers = layers_for(loaded.folder)
    made = run(split, effects, customers=customers, seed=seed, layers=layers)
    _write(loaded.spec, made, output, f".{format}", [spec])
    for line in _of_plan(made.baselines):
        typer.echo(line, err=True)
    typer.echo(f"Wrote {output}", err=True)


def _of_plan(baselines: tuple[Planned, ...]) -> Iterator[str]:
    """What plan.baselines says, and what the invented customers have."""
    for one in baselines:
        if one.value is None:
            yield f"{one.metric}: no closed form, so the planned {one.planned:.4g} is not met"
        elif one.met:
            sd = f" (sd {one.sd:.4g})" if one.sd is not None and one.met_sd else ""
            yield f"{one.metric}: {one.value:.4g}{sd}, as planned"
        else:
            yield f"{one.metric}: {one.value:.4g}, where {one.planned:.4g} is planned"
        if one.value is not None and one.sd is not None and one.planned_sd and not one.met_sd:
            yield f"{one.metric}: an sd of {one.sd:.4g}, where {one.planned_sd:.4g} is planned"


def _write(spec: Spec, made: Simulated, folder: Path, ending: str, inputs: list[Path]) -> None:
    from abtest.cli.output import replacing, write_text
    from abtest.sources.duckdb_write import write_table
    from abtest.spec.find import SPEC, TRUTH
    from abtest.spec.simulated import simulated_spec

    _refuse_real(folder, [f"{name}{ending}" for name in made.tables])
    folder.mkdir(parents=True, exist_ok=True)
    truth = json.dumps(made.truth, ensure_ascii=False, indent=2) + "\n"
    write_text(folder / TRUTH, truth, inputs)  # first: it says that the rest may be replaced
    for name, columns in made.tables.items():
        with replacing(folder / f"{name}{ending}", inputs) as path:
            write_table(path, columns)
    text = simulated_spec(spec, made.as_of, ending)
    write_text(folder / SPEC, text, inputs)


def _refuse_real(folder: Path, tables: list[str]) -> None:
    """Only what was invented before is written over, never a real experiment."""
    from abtest.errors import AbtestError
    from abtest.spec.find import SPEC, TRUTH

    there = [name for name in (SPEC, *tables) if (folder / name).exists()]
    if there and not (folder / TRUTH).is_file():
        raise AbtestError(
            f"{folder} holds {', '.join(there)}, and no {TRUTH} says that they were invented\n"
            "  Hint: write to a folder of its own: -o rehearsal"
        )
