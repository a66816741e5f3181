"""Keeps the result of an analysis beside its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from abtest.analysis.result import Result


def save_result(result: Result, folder: Path, inputs: Iterable[Path], *, force: bool) -> str:
    """Write ``results/<as_of>.json`` in the spec's folder, unless it is there already.

    Args:
        result: What was found.
        folder: The spec's folder.
        inputs: Files that must not be written over.
        force: Replace a result of the same inputs whose bytes differ.

    Returns:
        What was done, for people to read.

    Raises:
        AbtestError: The file is another experiment's or no result, is an input, or cannot be
            written.
    """
    from abtest.analysis.archive.saved_results import FOLDER, changed_inputs, file_of
    from abtest.analysis.result_file import read_result
    from abtest.cli.output import write_text
    from abtest.errors import AbtestError
    from abtest.report import render

    path = folder / FOLDER / file_of(result)
    text = render(result, "json")
    if not path.exists():
        _make(path.parent)
        write_text(path, text, inputs)
        return f"Result: {path}"
    if path.read_bytes() == text.encode():
        return f"Result: {path} (as before)"
    old = read_result(path)
    if old.experiment != result.experiment:
        raise AbtestError(
            f"{path} is a result of {old.experiment!r}, not of {result.experiment!r}\n"
            "  Hint: give each experiment a folder of its own, or pass --no-save."
        )
    changed = changed_inputs(old, result)
    if not changed and not force:
        return (
            f"Result: {path} is kept, although the numbers differ: neither spec nor data changed, "
            "so it was another engine or library; --save replaces it"
        )
    write_text(path, text, inputs)
    return f"Result: {path} (replaced: {_why(changed)})"


def refuse_shared(spec: Path, file: str) -> None:
    """Refuse to keep something in a folder where it would be several experiments'.

    Args:
        spec: The spec.
        file: What is to be kept in its folder: ``results``, ``decision.json``, ``looks.jsonl``.

    Raises:
        AbtestError: Another spec is in the folder.
    """
    from abtest.errors import AbtestError
    from abtest.spec.find import others_beside

    others = others_beside(spec)
    if others:
        names = ", ".join(path.name for path in others)
        raise AbtestError(
            f"{spec.parent / file} would not be {spec.name}'s alone: beside it is {names}\n"
            "  Hint: give each experiment a folder of its own."
        )


def _make(folder: Path) -> None:
    from abtest.errors import AbtestError

    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise AbtestError(f"{folder} cannot be made: {error.strerror}") from error


def _why(changed: list[str]) -> str:
    return f"changed: {', '.join(changed)}" if changed else "on request"
