"""JSON lines: one file that many processes add to, and that is never half written for a reader."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abtest.errors import AbtestError
from abtest.exposures.record import line_of, record_of

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from abtest.exposures.record import Record


class JsonLinesSink:
    """Adds records to a file, one line of JSON each.

    Several processes may share the file. Each write takes the lock of ``<file>.lock``, adds whole
    lines in one call and waits until the disk has them. Nothing is held open between writes, so
    that forks, rotation and a log shipper that moves files do no harm. A process that is killed in
    the middle of a write leaves at most one torn line, which was never acknowledged: the next write
    begins on a new line, and ``read_json_lines`` passes over it.

    Args:
        path: The file; its folder is made. A full one is renamed to ``name.000001.jsonl`` and so
            on, and none is ever deleted or overwritten.
        max_bytes: From which size the file is rotated before the next write.
        sync: Whether to wait for the disk (fsync). Without it, records survive the end of the
            process but not that of the machine.

    Raises:
        AbtestError: ``max_bytes`` is not above 0, or the system has no flock.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, max_bytes: int = 64 * 1024 * 1024, sync: bool = True
    ) -> None:
        if fcntl is None:  # pragma: no cover - Windows
            raise AbtestError("JsonLinesSink needs flock, which this system lacks.")
        if max_bytes <= 0:
            raise AbtestError(f"max_bytes is {max_bytes}; it must be above 0.")
        self.path = Path(path)
        self._max_bytes = max_bytes
        self._sync = sync
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, records: Sequence[Record]) -> None:
        """Add the records and wait until the disk has them.

        Raises:
            OSError: They could not be written; none of them is then in the file.
        """
        lines = b"".join(line_of(record) for record in records)
        if not lines:
            return
        with self._locked():
            made = self._rotate()
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _append(descriptor, lines)
                if self._sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if made and self._sync:
                _sync_folder(self.path.parent)

    def files(self) -> list[Path]:
        """The files that are there, oldest first: those that were full, then the present one."""
        full = sorted((number, path) for path, number in self._full())
        present = [self.path] if self.path.exists() else []
        return [path for _, path in full] + present

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Opened anew each time: a lock that a fork inherited would keep nobody out.
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _rotate(self) -> bool:
        """Move a full file aside; whether a new file is about to be made."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return True
        if size < self._max_bytes:
            return False
        self.path.rename(self._next_name())
        return True

    def _next_name(self) -> Path:
        number = 1 + max((number for _, number in self._full()), default=0)
        return self.path.with_name(f"{self.path.stem}.{number:06d}{self.path.suffix}")

    def _full(self) -> Iterator[tuple[Path, int]]:
        """Files that were moved aside, each with its number."""
        start, end = f"{self.path.stem}.", self.path.suffix
        for path in self.path.parent.iterdir():
            text = path.name.removeprefix(start).removesuffix(end)
            if text.isdecimal() and path.name == f"{start}{text}{end}":
                yield path, int(text)


def _append(descriptor: int, lines: bytes) -> None:
    end = os.fstat(descriptor).st_size
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        lines = b"\n" + lines  # somebody was killed in the middle of a line
    written = 0
    try:
        written = os.write(descriptor, lines)
    finally:
        if written != len(lines):
            os.ftruncate(descriptor, end)  # under the lock, so that nobody else's lines go
    if written != len(lines):
        raise OSError(f"only {written} of {len(lines)} bytes could be written")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in files of JSON lines.

    Attributes:
        records: The records by their order, each id once.
        torn: How many lines a killed process left behind; none of them was acknowledged.
    """

    records: tuple[Record, ...]
    torn: int


def read_json_lines(paths: Iterable[str | os.PathLike[str]]) -> Reading:
    """Read what sinks wrote.

    Args:
        paths: The files, oldest first.

    Raises:
        AbtestError: A line is JSON and no record, or a record of another version.
    """
    records: dict[str, Record] = {}
    torn = 0
    for path in paths:
        for line in Path(path).read_bytes().split(b"\n"):
            if not line:
                continue
            try:
                data = json.loads(line)
            except ValueError:
                torn += 1
                continue
            if not isinstance(data, dict):
                torn += 1  # a piece such as a lone number
                continue
            record = record_of(data)
            records.setdefault(record.id, record)
    return Reading(tuple(records.values()), torn)
