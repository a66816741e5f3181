"""The argument that names an experiment: its YAML, or the folder that holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def spec_file(path: Path | None) -> Path | None:
    """The spec that is meant; a path that is no folder is left as it is.

    Raises:
        AbtestError: The folder holds no spec, or several and none is called experiment.yaml.
    """
    if path is None or not path.is_dir():
        return path

    from abtest.errors import AbtestError
    from abtest.spec.find import SPEC, specs_in

    found = specs_in(path)
    if len(found) == 1:
        return found[0]
    if not found:
        raise AbtestError(
            f"{path} is a folder without a spec\n  Hint: name a file, or a folder with {SPEC}."
        )
    names = ", ".join(spec.name for spec in found)
    raise AbtestError(f"{path} holds {len(found)} specs: {names}\n  Hint: name one of them.")


SpecFile = Annotated[
    Path, typer.Argument(help="The experiment's YAML, or its folder.", callback=spec_file)
]
