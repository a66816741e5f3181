"""Which files of a folder are experiments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "experiment.yaml"
TRUTH = "truth.json"
"""What ``abtest simulate`` writes beside the spec of an invented campaign."""

_VERSION = re.compile(rb"^(?:\xef\xbb\xbf)?[\"']?spec[\"']?\s*:\s*[\"']?abtest/", re.MULTILINE)
_ENOUGH = 65_536
_ENDINGS = ("*.yaml", "*.yml")


def specs_under(folder: Path) -> list[Path]:
    """Every spec in a folder and the folders below, in alphabetical order.

    A folder's spec is its ``experiment.yaml``; where there is none, each YAML file with a line
    ``spec: abtest/...`` is one. (Beside ``experiment.yaml`` such a file is another version of it.)
    Hidden folders hold copies that editors make; they are not looked into.
    """
    homes = {path.parent for ending in _ENDINGS for path in folder.rglob(ending)}
    return sorted(spec for home in homes if not _is_hidden(home, folder) for spec in specs_in(home))


def specs_in(folder: Path) -> list[Path]:
    """The specs of one folder, without the folders below."""
    if (folder / SPEC).is_file():
        return [folder / SPEC]
    return sorted(path for ending in _ENDINGS for path in folder.glob(ending) if is_spec(path))


def others_beside(spec: Path) -> list[Path]:
    """The specs that a folder holds beside one: what is kept there is not that one's alone."""
    return [path for path in specs_in(spec.parent) if path.name != spec.name]


def is_spec(path: Path) -> bool:
    """Whether a file says that it is a spec."""
    try:
        with path.open("rb") as file:
            return _VERSION.search(file.read(_ENOUGH)) is not None
    except OSError:
        return False


def is_invented(spec: Path) -> bool:
    """Whether the spec's folder is a campaign of ``abtest simulate``, with its truth beside it."""
    return spec.with_name(TRUTH).is_file()


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
