"""abtest validate: is the spec right?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from abtest.spec import LoadedSpec


def validate(
    paths: Annotated[
        list[Path], typer.Argument(help="Specs, or folders that are searched for experiment.yaml.")
    ],
) -> None:
    """Check specs: every fault at once, each with its line.

    Specs that are given together, such as a folder of them, are also checked against each other:
    no two may share a salt or a slot of a layer.
    """
    from abtest.analysis.analyze import check_spec
    from abtest.analysis.unsupported import unsupported_in
    from abtest.errors import AbtestError
    from abtest.spec import draft_spec
    from abtest.spec.project import faults_between

    broken = False
    good: list[LoadedSpec] = []
    for path in _specs(paths):
        try:
            loaded = check_spec(draft_spec(path), {}, to_analyze=False).require()
        except AbtestError as error:
            broken = True
            typer.echo(str(error), err=True)
            continue
        not_yet = [loaded.document.placed(fault) for fault in unsupported_in(loaded.spec)]
        for advice in (*loaded.advice, *not_yet):
            typer.echo(f"warning: {advice}", err=True)
        good.append(loaded)
    faults = faults_between(good)
    for fault in faults:
        typer.echo(str(fault), err=True)
    for loaded in good:
        if loaded.document.file not in {fault.file for fault in faults}:
            typer.echo(f"{loaded.document.file}: ok")
    raise typer.Exit(1 if broken or faults else 0)


def _specs(paths: list[Path]) -> list[Path]:
    from abtest.errors import AbtestError

    specs: list[Path] = []
    for path in paths:
        found = sorted(path.rglob("experiment.yaml")) if path.is_dir() else [path]
        if not found:
            raise AbtestError(f"{path} holds no experiment.yaml")
        specs += found
    return specs
