"""abtest validate: is the spec right?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from abtest.errors import Fault
    from abtest.spec import LoadedSpec


def validate(
    paths: Annotated[
        list[Path], typer.Argument(help="Specs, or folders that are searched for them.")
    ],
    format: Annotated[  # noqa: A002 - the option's name
        Literal["text", "json", "github"],
        typer.Option(
            "--format", "-f", help="text is the default; github marks lines of a pull request."
        ),
    ] = "text",
) -> None:
    """Check specs: every fault at once, each with its line.

    Specs that are given together, such as a folder of them, are also checked against each other:
    no two may share a salt or a slot of a layer.
    """
    checked = _check(_specs(paths))
    if format == "json":
        import json

        found = {"schema": "abtest-validation/v1", "files": [one.to_dict() for one in checked]}
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for one in checked:
            one.say(github=format == "github")
    raise typer.Exit(1 if any(one.faults for one in checked) else 0)


@dataclass
class Checked:
    """What was found in one file: a fault without a place has a message only."""

    file: str
    faults: list[Fault]
    warnings: list[Fault]

    def to_dict(self) -> dict[str, object]:
        """As plain JSON types."""
        told = {"faults": self.faults, "warnings": self.warnings}
        lists = {name: [_plain(fault) for fault in faults] for name, faults in told.items()}
        return {"file": self.file, "ok": not self.faults, **lists}

    def say(self, *, github: bool) -> None:
        """Faults and warnings to stderr, what is right to stdout; for GitHub all to stdout."""
        for warning in self.warnings:
            typer.echo(
                _command("warning", warning, self.file) if github else f"warning: {warning}",
                err=not github,
            )
        for fault in self.faults:
            typer.echo(
                _command("error", fault, self.file) if github else str(fault), err=not github
            )
        if not self.faults:
            typer.echo(f"{self.file}: ok")


def _plain(fault: Fault) -> dict[str, object]:
    place = {"path": fault.dotted or None, "line": fault.line or None}
    return {**place, "message": fault.message, "hint": fault.hint or None}


def _command(kind: str, fault: Fault, file: str) -> str:
    """A workflow command that puts a mark beside the line."""
    text = ": ".join(part for part in (fault.dotted, fault.message) if part)
    if fault.hint:
        text = f"{text}\nHint: {fault.hint}"
    line = f",line={fault.line}" if fault.line else ""
    return f"::{kind} file={_escaped(file, ',:')}{line}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    for sign in ("%", "\r", "\n", *more):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _check(paths: list[Path]) -> list[Checked]:
    """Each file by itself, then those that are right against each other."""
    from abtest.analysis.analyze import check_spec
    from abtest.analysis.unsupported import unsupported_in
    from abtest.errors import AbtestError, Fault, SpecError
    from abtest.spec import draft_spec
    from abtest.spec.project import faults_between

    checked: list[Checked] = []
    good: list[LoadedSpec] = []
    for path in paths:
        try:
            loaded = check_spec(draft_spec(path), {}, to_analyze=False).require()
        except SpecError as error:
            checked.append(Checked(str(path), list(error.faults), []))
            continue
        except AbtestError as error:
            checked.append(Checked(str(path), [Fault((), str(error))], []))
            continue
        not_yet = [loaded.document.placed(fault) for fault in unsupported_in(loaded.spec)]
        checked.append(Checked(loaded.document.file, [], [*loaded.advice, *not_yet]))
        good.append(loaded)
    for fault in faults_between(good):
        next(one for one in checked if one.file == fault.file).faults.append(fault)
    return checked


def _specs(paths: list[Path]) -> list[Path]:
    from abtest.errors import AbtestError
    from abtest.spec.find import is_invented, specs_under

    specs: list[Path] = []
    for path in paths:
        if not path.is_dir():
            specs.append(path)
            continue
        found = specs_under(path)
        if not found:
            raise AbtestError(f"{path} holds no experiment.yaml")
        # An invented campaign shares its key with the experiment that it rehearses.
        specs += [spec for spec in found if spec.parent == path or not is_invented(spec)]
    return specs
