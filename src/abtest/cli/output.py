"""Writing files so that nothing is lost: to a temporary name, then renamed; never over an input."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from abtest.errors import AbtestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    path = path.resolve() if path.is_symlink() else path  # the link stays a link
    _refuse(path, inputs)
    temporary = _temporary(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


def _temporary(path: Path) -> Path:
    # The endings stay last (.csv.gz), because engines choose the format by them.
    suffix = "".join(path.suffixes[-2:])
    try:
        handle, name = tempfile.mkstemp(prefix=".abtest-", suffix=suffix, dir=path.parent)
    except OSError as error:
        raise AbtestError(f"{path} cannot be written: {error.strerror}") from error
    os.close(handle)
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
