"""abtest validate: is the spec right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def validate(
    paths: Annotated[
        list[Path], typer.Argument(help="Specs, or folders that are searched for experiment.yaml.")
    ],
) -> None:
    """Check specs: every fault at once, each with its line."""
    from abtest.analysis.analyze import check_spec
    from abtest.errors import SpecError
    from abtest.spec import draft_spec

    broken = False
    for path in _specs(paths):
        try:
            loaded = check_spec(draft_spec(path), {}, to_analyze=False).require()
        except SpecError as error:
            broken = True
            typer.echo(str(error), err=True)
            continue
        for advice in loaded.advice:
            typer.echo(f"warning: {advice}", err=True)
        typer.echo(f"{path}: ok")
    raise typer.Exit(1 if broken else 0)


def _specs(paths: list[Path]) -> list[Path]:
    from abtest.errors import AbtestError

    specs: list[Path] = []
    for path in paths:
        found = sorted(path.rglob("experiment.yaml")) if path.is_dir() else [path]
        if not found:
            raise AbtestError(f"{path} holds no experiment.yaml")
        specs += found
    return specs
