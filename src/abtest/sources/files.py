"""The files that a path stands for: one, those of a pattern, or those in a folder."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from abtest.errors import DataError
from abtest.sources.locations import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["csv", "parquet", "database"]
_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "csv": (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt"),
    "parquet": (".parquet", ".pq"),
    "database": (".duckdb", ".ddb", ".db", ".sqlite", ".sqlite3"),
}
_KNOWN = "Use .csv, .csv.gz or .parquet; .duckdb or .sqlite with `table`; or postgresql://."


@dataclass(frozen=True, slots=True)
class Files:
    """Files that are read as one table, in a fixed order.

    Attributes:
        label: What they are called in messages.
        paths: The files, sorted.
        kind: What they are.
        root: The folder that is common to all.
        several: Whether the path is a pattern or a folder, with partitions in its names.
    """

    label: str
    paths: tuple[Path, ...]
    kind: Kind
    root: Path
    several: bool = False

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.paths)

    def fingerprint(self) -> str:
        """SHA-256 of the file; of several, that of the list ``sha256sum`` writes for them."""
        digests = [_sha256(path) for path in self.paths]
        if not self.several:
            return digests[0]
        names = [path.relative_to(self.root).as_posix() for path in self.paths]
        lines = [f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def find_files(name: str, folder: Path, given: str | Path) -> Files:
    """The files of a table.

    Args:
        name: The table's name in the spec, for messages.
        folder: What the path is relative to.
        given: A file; a pattern with ``*``, ``?`` or ``[a-z]``; or a folder of Parquet files. A
            file whose name holds such marks comes before a pattern.

    Raises:
        DataError: There is none, or they are of several kinds.
    """
    path = folder / given
    if path.is_file():
        return Files(str(path), (path,), _kind(path), path.parent)
    if path.is_dir():
        found, root = _visible(path.rglob("*"), path), path
        found = [file for file in found if file.name.lower().endswith(_ENDINGS["parquet"])]
        if not found:
            hint = "For other files give a pattern, such as orders/*.csv."
            raise DataError(f"{path} is a folder without Parquet files (data.{name})", hint)
    elif glob.has_magic(str(given)):
        fixed = _fixed_part(Path(given))
        root = folder / fixed
        try:
            found = _visible(root.glob(str(Path(given).relative_to(fixed))), root)
        except ValueError as error:
            raise DataError(f"{path} is no pattern (data.{name}): {error}") from error
        if not found:
            raise DataError(f"{path} matches no file (data.{name})")
    else:
        raise DataError(f"{path} does not exist (data.{name})", _files_beside(path))
    kinds = sorted({_kind(file) for file in found})
    if len(kinds) > 1 or kinds == ["database"]:
        what = " and ".join(kinds) if len(kinds) > 1 else "several databases"
        raise DataError(f"{path} matches {what} (data.{name})", "Match files of one kind.")
    return Files(str(path), tuple(found), kinds[0], root, several=True)


def files_named(folder: Path, given: str | Path) -> list[Path]:
    """Every file that a path stands for, which must not be written over; none where it has none."""
    if is_url(str(given)):
        return []
    try:
        return list(find_files("", folder, given).paths)
    except DataError:
        return []


def _visible(paths: Iterable[Path], root: Path) -> list[Path]:
    """Files in a fixed order, without what tools hide or have not finished (``_temporary``)."""
    files = [path for path in paths if path.is_file()]
    parts = {file: file.relative_to(root).parts for file in files}
    return sorted(file for file in files if not any(p.startswith(("_", ".")) for p in parts[file]))


def _fixed_part(path: Path) -> Path:
    """The folder above the first part with a mark of a pattern."""
    fixed = Path(path.anchor)
    for part in path.parts[len(fixed.parts) :]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _kind(path: Path) -> Kind:
    for kind, endings in _ENDINGS.items():
        if path.name.lower().endswith(endings):
            return kind
    raise DataError(f"{path} is no kind of file abtest reads", _KNOWN)


def _files_beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}."
    names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    close = get_close_matches(path.name, names, n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
