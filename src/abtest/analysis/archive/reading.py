"""Reads the folders of experiments: what is there, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.archive.model import Fault
from abtest.analysis.decisions import FILE as DECISIONS
from abtest.analysis.decisions import Decisions, read_decisions
from abtest.analysis.saved_results import FOLDER as RESULTS
from abtest.analysis.saved_results import saved_results
from abtest.errors import AbtestError, DataError
from abtest.spec import load_spec

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.decisions import HumanDecision
    from abtest.analysis.result import Result
    from abtest.spec import Spec

SPEC = "experiment.yaml"
LOCK = "experiment.lock.json"


@dataclass(frozen=True, slots=True)
class Archived:
    """One experiment as its folder holds it.

    Attributes:
        file: Its spec, relative to the archive's folder.
        spec: The spec; None where it cannot be read.
        frozen: Whether its plan is frozen.
        results: Its results, the oldest first, by file.
        decisions: What was decided, the oldest first.
        report: The page that ``abtest analyze`` wrote, relative to the archive's folder.
    """

    file: str
    spec: Spec | None
    frozen: bool = False
    results: tuple[tuple[str, Result], ...] = ()
    decisions: tuple[HumanDecision, ...] = ()
    report: str | None = None

    @property
    def newest(self) -> Result | None:
        """The newest result."""
        return self.results[-1][1] if self.results else None

    def decision(self, on: str) -> HumanDecision | None:
        """The decision that holds on a day."""
        taken = [decision for decision in self.decisions if decision.on <= on]
        return taken[-1] if taken else None


def read_folder(folder: Path) -> tuple[list[Archived], list[Fault]]:
    """Every experiment under a folder, and every file that could not be used.

    Raises:
        DataError: There is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder", "pass the one that holds the experiments.")
    found, faults = [], []
    for path in sorted(folder.rglob(SPEC)):
        archived, wrong = _read(path, folder)
        found.append(archived)
        faults += wrong
    faults += _without_spec(folder)
    return found, [*faults, *_same_key(found)]


def _read(path: Path, folder: Path) -> tuple[Archived, list[Fault]]:
    home, file = path.parent, path.relative_to(folder).as_posix()
    faults = []
    try:
        spec = load_spec(path).spec
    except AbtestError as error:
        spec = None
        faults.append(Fault(file=file, kind="broken", problem=str(error)))
    results, wrong = saved_results(home)
    faults += [_fault(path, problem, folder) for path, problem in wrong]
    history, wrong = _decision(home)
    faults += [_fault(path, problem, folder) for path, problem in wrong]
    own = []
    for name, result in results.items():
        if spec is not None and result.experiment != spec.key:
            problem = f"is a result of {result.experiment!r}, not of {spec.key!r}"
            faults.append(_fault(home / name, problem, folder, kind="foreign"))
        else:
            own.append((name, result))
    if history is not None and spec is not None and history.experiment != spec.key:
        problem = f"holds the decisions on {history.experiment!r}, not on {spec.key!r}"
        faults.append(_fault(home / DECISIONS, problem, folder, kind="foreign"))
        history = None
    page = path.with_suffix(".report.html")
    archived = Archived(
        file=file,
        spec=spec,
        frozen=(home / LOCK).is_file(),
        results=tuple(own),
        decisions=history.decisions if history else (),
        report=page.relative_to(folder).as_posix() if page.is_file() else None,
    )
    return archived, faults


def _decision(home: Path) -> tuple[Decisions | None, list[tuple[Path, str]]]:
    try:
        return read_decisions(home), []
    except DataError as error:
        return None, [(home / DECISIONS, str(error))]


def _fault(path: Path, problem: str, folder: Path, kind: str = "") -> Fault:
    """A fault; what is no JSON file at all is somebody else's."""
    found = "broken" if path.suffix == ".json" else "foreign"
    name = path.relative_to(folder).as_posix()
    return Fault.model_validate({"file": name, "kind": kind or found, "problem": problem})


def _without_spec(folder: Path) -> list[Fault]:
    """Results and decisions that no spec is beside."""
    homes = {path.parent for path in folder.rglob(DECISIONS)}
    homes |= {path.parent for path in folder.rglob(RESULTS) if path.is_dir()}
    lonely = sorted(home for home in homes if not (home / SPEC).is_file())
    problem = f"holds results or decisions, but no {SPEC} is beside them"
    return [
        Fault(file=home.relative_to(folder).as_posix(), kind="foreign", problem=problem)
        for home in lonely
    ]


def _same_key(found: list[Archived]) -> list[Fault]:
    seen: dict[str, str] = {}
    faults = []
    for one in found:
        if one.spec is None:
            continue
        if one.spec.key in seen:
            problem = f"has the key {one.spec.key!r}, which {seen[one.spec.key]} has as well"
            faults.append(Fault(file=one.file, kind="broken", problem=problem))
        seen.setdefault(one.spec.key, one.file)
    return faults
