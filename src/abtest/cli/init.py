"""abtest init: a commented spec to start from."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from abtest.cli.formats import ToldAs, tell


def init(
    name: Annotated[
        Path, typer.Argument(help="The folder to make: experiments/2026_03_winback_message.")
    ],
    kind: Annotated[
        Literal["pricing", "messaging", "incentive_mix"],
        typer.Option(help="What the experiment changes."),
    ],
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Start an experiment: a folder with a commented experiment.yaml that validates."""
    from importlib.resources import files

    from abtest.cli.output import write_text
    from abtest.errors import AbtestError

    key = _key(name.resolve().name)
    if not key:
        raise AbtestError(
            f"{name.name!r} has no Latin letter or digit to make a key of\n"
            "  Hint: name the folder in Latin letters; titles and variants may be in any script."
        )
    path = name / "experiment.yaml"
    if path.exists():
        raise AbtestError(f"{path} is already there; choose another name")
    template = files("abtest.cli.templates").joinpath(f"{kind}.yaml").read_text("utf-8")
    title = key.replace("-", " ").capitalize()
    text = template.replace("{key}", _scalar(key)).replace("{title}", _scalar(title))
    name.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    text = f"Wrote {path}\nNext: abtest validate {shlex.quote(str(path))}"
    tell(format, text, {"schema": "abtest-init/v1", "file": str(path), "key": key, "kind": kind})


def _key(name: str) -> str:
    """2026_03_winback_message becomes winback-message."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    while len(words) > 1 and words[0].isdigit():
        words = words[1:]
    return "-".join(words).lower()[:64]


def _scalar(word: str) -> str:
    """The word as YAML text: quoted where YAML would take it for a number or for true or null."""
    plain = word[0].isalpha() and word.lower() not in ("true", "false", "null")
    return word if plain else f'"{word}"'
