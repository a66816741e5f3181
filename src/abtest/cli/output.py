"""Writing files so that nothing is lost: to a temporary name, then renamed; never over an input."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from abtest.errors import AbtestError

try:
    import fcntl
except ImportError:  # Windows: a leftover stays there
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PREFIX = ".abtest-"


def write_text(path: Path, text: str, inputs: Iterable[Path] = ()) -> None:
    """Write a whole file or nothing.

    Raises:
        AbtestError: The file is one of the inputs, or cannot be written.
    """
    with replacing(path, inputs) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


@contextmanager
def replacing(path: Path, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Give a temporary name to write to; on success it becomes the file, else it is removed.

    Raises:
        AbtestError: The file is one of the inputs, or cannot be written.
    """
    path = _behind_links(path)
    _refuse(path, inputs)
    try:
        _remove_leftovers(path.parent)
        handle, temporary = _temporary(path)
    except OSError as error:
        raise AbtestError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def alone(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold a folder while a file in it is read, added to and written; the lock dies with us.

    Args:
        folder: The folder; where it or locks are not to be had nothing is locked.
        wait: Called before waiting, where another run holds the folder.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # it does not exist, which the reader says better; Windows has no such handles
        yield
        return
    try:
        if fcntl is not None and not _lock(handle):
            wait()
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _behind_links(path: Path) -> Path:
    """The file that is meant: a link stays a link."""
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:  # until Python 3.13 a loop is a RuntimeError
        raise AbtestError(f"{path} cannot be written: its links lead in a circle") from error


def _refuse(path: Path, inputs: Iterable[Path]) -> None:
    for other in inputs:
        if path.exists() and other.exists() and path.samefile(other):
            raise AbtestError(f"{path} is an input; the output must go to another file")
    if path.is_dir():
        raise AbtestError(f"{path} is a folder; the output must be a file")
    if not path.parent.is_dir():
        raise AbtestError(
            f"{path} cannot be written: there is no folder {path.parent}\n"
            "  Hint: make the folder first, or check the path."
        )
    if path.exists() and not path.is_file():  # renaming a file to /dev/null would end it
        raise AbtestError(f"{path} is a device or a pipe; the output must be a file")


def _temporary(path: Path) -> tuple[int, Path]:
    """A new file, locked while its handle is open: the lock dies with the process."""
    # The endings stay last (.csv.gz), because engines choose the format by them.
    suffix = "".join(path.suffixes[-2:])
    while True:
        handle, name = tempfile.mkstemp(prefix=PREFIX, suffix=suffix, dir=path.parent)
        _lock(handle)
        if Path(name).exists():  # else another run has removed it before it was locked
            return handle, Path(name)
        os.close(handle)


def _remove_leftovers(folder: Path) -> None:
    """Remove what runs that were killed have left: temporary files that nobody locks."""
    for path in folder.glob(f"{PREFIX}*"):
        try:
            handle = os.open(path, os.O_RDWR)
        except OSError:
            continue
        try:
            if _lock(handle):
                path.unlink(missing_ok=True)
        except OSError:  # it is somebody else's, or a file system without locks
            continue
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Whether the file was free and is now ours; where locks are not to be had it never is."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
