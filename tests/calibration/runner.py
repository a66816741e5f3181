"""Running cells on all cores; what is done is kept, and a stopped run goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from calibration.cells import Cell, Tally, added
from calibration.judge import judged
from calibration.suites import all_cells

ROOT = Path(__file__).resolve().parents[2]
# A claim that fails is run once more with so many times the replications.
ONCE_MORE = 4


@dataclass(frozen=True)
class Task:
    """One batch of one cell."""

    key: str
    place: int


# What judges and writes changes no number.
WRITERS = {"__main__", "judge", "page", "peers", "picture", "runner"}


def code_fingerprint() -> str:
    """Of all code that a batch runs through: batches of other code are not taken up again."""
    suites = [
        file
        for file in Path(__file__).parent.glob("*.py")
        if file.stem not in WRITERS and not file.stem.startswith("test_")
    ]
    digest = hashlib.sha256()
    for file in sorted([*(ROOT / "src").rglob("*.py"), *suites]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


class Store:
    """Finished batches in a file of JSON lines.

    Args:
        path: The file; made where it is absent.
        code: Fingerprint of the code; lines of other code are left alone and not read.
    """

    def __init__(self, path: Path, code: str) -> None:
        self._path, self._code = path, code
        self._done: dict[Task, dict[str, Tally]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed
            return
        if row["code"] == self._code:
            tallies = {name: Tally(*tally) for name, tally in row["tallies"].items()}
            self._done[Task(row["cell"], row["place"])] = tallies

    def __contains__(self, task: Task) -> bool:
        return task in self._done

    def keep(self, task: Task, tallies: Mapping[str, Tally]) -> None:
        """Write a batch down."""
        row = {"code": self._code, "cell": task.key, "place": task.place, "tallies": tallies}
        with self._path.open("a") as file:
            file.write("\n" * _broken_end(self._path) + json.dumps(row) + "\n")
        self._done[task] = dict(tallies)

    def tallies(self, cell: Cell, places: Iterable[int]) -> dict[str, Tally]:
        """The sum of a cell's batches."""
        summed: dict[str, Tally] = {}
        for place in places:
            for name, tally in self._done[Task(cell.key, place)].items():
                summed[name] = added(summed[name], tally) if name in summed else tally
        return summed

    def result(self, cell: Cell) -> dict[str, Tally]:
        """What stands for the cell: the second, longer run where there was one."""
        second = _second_places(cell)
        again = Task(cell.key, second[-1]) in self
        return self.tallies(cell, second if again else range(cell.batches))


def _broken_end(path: Path) -> bool:
    """Whether a killed run left a line without an end."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _second_places(cell: Cell) -> range:
    return range(cell.batches, (1 + ONCE_MORE) * cell.batches)


@cache
def _cells() -> dict[str, Cell]:
    return all_cells()


def run_task(task: Task) -> dict[str, Tally]:
    """One batch, in whatever process."""
    return _cells()[task.key].run_batch(task.place)


def run(cells: Iterable[Cell], store: Store, processes: int) -> None:
    """Run what the store lacks; then what fails its claims, once more with new numbers."""
    cells = tuple(cells)
    _run([Task(c.key, place) for c in cells for place in range(c.batches)], store, processes)
    alarms = [c for c in cells if not _all_hold(c, store.tallies(c, range(c.batches)))]
    again = [Task(c.key, place) for c in alarms for place in _second_places(c)]
    _run(again, store, processes, "once more")


def _all_hold(cell: Cell, tallies: Mapping[str, Tally]) -> bool:
    return all(verdict.holds for verdict in judged(cell, tallies))


def _run(tasks: list[Task], store: Store, processes: int, name: str = "calibration") -> None:
    left = [task for task in tasks if task not in store]
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # One thread each: the cores are taken by processes.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with (
        Progress(*columns) as bar,
        ProcessPoolExecutor(processes, get_context("spawn")) as pool,
    ):
        steps = bar.add_task(name, total=len(tasks), completed=len(tasks) - len(left))
        futures = {pool.submit(run_task, task): task for task in left}
        for future in as_completed(futures):
            store.keep(futures[future], future.result())
            bar.advance(steps)
