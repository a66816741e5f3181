"""The results that an experiment's folder keeps: one file per ``as_of``, made for git."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from abtest.analysis.result_file import read_result
from abtest.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.result import Result

FOLDER = "results"
UNDATED = "undated"

# What a result is computed from, by the name that people know it by.
_INPUTS = {
    "experiment": "the experiment's key",
    "spec_fingerprint": "the spec",
    "seed": "the seed",
    "timezone": "the time zone",
    "data_fingerprints": "the data",
    "abtest_version": "the version of abtest",
    "lock": "the frozen plan",
}


class Kept(BaseModel):
    """What an experiment's folder keeps: frozen, without unknown keys, without NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def file_of(result: Result) -> str:
    """The file's name: the date, the instant where that is no midnight, or ``undated``.

    Data in columns have no ``as_of``: their result is one file, replaced when the data change.
    """
    if result.as_of is None:
        return f"{UNDATED}.json"
    moment = datetime.fromisoformat(result.as_of)
    if moment.time() == time(0):
        return f"{moment.date().isoformat()}.json"
    seconds = moment.isoformat("T", "microseconds" if moment.microsecond else "seconds")
    return f"{seconds.replace(':', '')}.json"  # no file on Windows has a colon in its name


def changed_inputs(old: Result, new: Result) -> list[str]:
    """What differs in what two results were computed from, in words."""
    return [name for key, name in _INPUTS.items() if getattr(old, key) != getattr(new, key)]


def saved_results(folder: Path) -> tuple[dict[str, Result], list[tuple[Path, str]]]:
    """The results in an experiment's folder, the oldest ``as_of`` first, and what is wrong there.

    Args:
        folder: The spec's folder.

    Returns:
        Results by their file, relative to the folder; and each file that is none, with the reason.
    """
    found: dict[str, Result] = {}
    faults: list[tuple[Path, str]] = []
    home = folder / FOLDER
    for path in sorted(home.iterdir()) if home.is_dir() else []:
        try:
            result = read_result(path)
        except DataError as error:
            faults.append((path, str(error)))
            continue
        if path.name != file_of(result):
            faults.append((path, f"{path} holds the result that is called {file_of(result)}"))
            continue
        found[f"{FOLDER}/{path.name}"] = result
    return dict(sorted(found.items(), key=lambda item: _moment(item[1]))), faults


def _moment(result: Result) -> float:
    return 0.0 if result.as_of is None else datetime.fromisoformat(result.as_of).timestamp()
