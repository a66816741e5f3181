"""abtest compile: what a service needs to assign, without YAML and pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time


def compile_(
    spec: SpecFile,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of to stdout.")
    ] = None,
    flags: Annotated[
        bool, typer.Option("--flags", help="With payloads and fingerprint, for flags of an app.")
    ] = False,
) -> None:
    """Write the spec's split as JSON for a service: Experiment.from_json reads it.

    Layers and the holdout of layers.yaml are in it. The service needs Python's standard library
    and abtest's code, nothing else. With --flags, Flag.from_json and the OpenFeature provider read
    it.
    """
    from abtest.cli.output import write_text
    from abtest.spec.assignable import load_experiment, load_flag

    text = (load_flag(spec) if flags else load_experiment(spec)).to_json() + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text, [spec])
        typer.echo(f"Wrote {output}", err=True)
