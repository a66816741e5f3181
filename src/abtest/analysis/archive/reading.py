"""Reads the folders of experiments: what is there, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.archive.decisions import FILE as DECISIONS
from abtest.analysis.archive.decisions import Decisions, read_decisions
from abtest.analysis.archive.model import Fault
from abtest.analysis.archive.saved_results import FOLDER as RESULTS
from abtest.analysis.archive.saved_results import saved_results
from abtest.errors import AbtestError, DataError
from abtest.spec import load_spec
from abtest.spec.find import SPEC, TRUTH, is_invented, specs_under
from abtest.spec.lock import lock_path, read_lock

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.archive.decisions import HumanDecision
    from abtest.analysis.result import Result
    from abtest.spec import Spec


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
    specs = specs_under(folder)
    invented = [path for path in specs if path.parent != folder and is_invented(path)]
    found, faults = [], []
    for path in specs:
        if path in invented:
            continue
        archived, wrong = _read(path, folder)
        found.append(archived)
        faults += wrong
    found, again = _once(found)
    faults += [*again, *_without_spec(folder, specs)]
    problem = f"is an invented campaign ({TRUTH} is beside it)"
    return found, [*faults, *(_fault(path, problem, folder, "foreign") for path in invented)]


def _read(path: Path, folder: Path) -> tuple[Archived, list[Fault]]:
    home, file = path.parent, path.relative_to(folder).as_posix()
    faults = []
    try:
        spec = load_spec(path).spec
    except AbtestError as error:
        spec = None
        faults.append(Fault(file=file, kind="broken", problem=str(error)))
    results, unusable = saved_results(home)
    history, untold = _decision(home)
    faults += [_fault(*wrong, folder) for wrong in (*_lock_faults(path), *unusable, *untold)]
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
        frozen=lock_path(path).is_file(),
        results=tuple(own),
        decisions=history.decisions if history else (),
        report=page.relative_to(folder).as_posix() if page.is_file() else None,
    )
    return archived, faults


def _lock_faults(spec: Path) -> list[tuple[Path, str]]:
    path = lock_path(spec)
    try:
        read_lock(path)
    except DataError as error:
        return [(path, str(error))]
    return []


def _decision(home: Path) -> tuple[Decisions | None, list[tuple[Path, str]]]:
    try:
        return read_decisions(home), []
    except DataError as error:
        return None, [(home / DECISIONS, str(error))]


def _fault(path: Path, problem: str, folder: Path, kind: str = "") -> Fault:
    """A fault; what is no JSON file at all is somebody else's."""
    found = "broken" if path.suffix == ".json" else "foreign"
    name = path.relative_to(folder).as_posix()
    problem = problem.partition("\n")[0].removeprefix(str(path)).lstrip(": ")  # named already
    return Fault.model_validate({"file": name, "kind": kind or found, "problem": problem})


def _without_spec(folder: Path, specs: list[Path]) -> list[Fault]:
    """Results and decisions that no spec is beside."""
    homes = {path.parent for path in folder.rglob(DECISIONS)}
    homes |= {path.parent for path in folder.rglob(RESULTS) if path.is_dir()}
    lonely = sorted(homes - {spec.parent for spec in specs})
    problem = f"holds results or decisions, but no {SPEC} is beside them"
    return [
        Fault(file=home.relative_to(folder).as_posix(), kind="foreign", problem=problem)
        for home in lonely
    ]


def _once(found: list[Archived]) -> tuple[list[Archived], list[Fault]]:
    """Each experiment once: of two with one key the first counts, the other is a fault."""
    first: dict[str, str] = {}
    kept, faults = [], []
    for one in found:
        key = one.spec.key if one.spec is not None else None
        if key is not None and key in first:
            problem = f"has the key {key!r}, which {first[key]} has as well"
            faults.append(Fault(file=one.file, kind="broken", problem=problem))
            continue
        if key is not None:
            first[key] = one.file
        kept.append(one)
    return kept, faults
