"""Whether a log is what was written: no line of it was changed, moved or removed.

Each line ends with a fingerprint of itself and of all lines before it, so that a line that was
changed, moved or removed shows in the next one. A file beside the log holds the last fingerprint:
lines that are removed from the end show in that. It is no protection from somebody who means to
deceive and computes the fingerprints anew; keep the log in git for that.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

HEAD = "looks.head"
_CHAIN = re.compile(r', "chain": "([0-9a-f]{64})"\}$')
_HINT = "Lines are written by `abtest monitor`; restore both files from your backup."


@dataclass(frozen=True, slots=True)
class Chain:
    """The lines of a log without their fingerprints.

    Attributes:
        lines: Each line as it was before it was chained.
        last: The fingerprint of all lines.
        unchained: How many lines at the start have none: an earlier version wrote them.
    """

    lines: tuple[str, ...]
    last: str
    unchained: int


def chained(lines: Iterable[str], before: str) -> str:
    r"""Lines of JSON with their fingerprints, as they are appended.

    Args:
        lines: JSON objects, one in a line.
        before: The fingerprint of all lines before; empty at the start.

    Example:
        >>> text = chained(['{"a": 1}', '{"a": 2}'], "")
        >>> text.count("chain"), text.endswith("}\n")
        (2, True)
    """
    found = []
    for line in lines:
        body = line.rstrip("\n")
        before = _next(before, body)
        found.append(f'{body[:-1]}, "chain": "{before}"}}\n')
    return "".join(found)


def last_of(text: str) -> str | None:
    """The fingerprint at the end of a log; None where its last line has none."""
    found = _CHAIN.search(text.rstrip("\n"))
    return None if found is None else found[1]


def text_of(path: Path) -> str:
    """What a file holds; nothing where there is none.

    Raises:
        DataError: It cannot be read.
    """
    if not path.exists():
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def read_chain(path: Path, lines: Sequence[str]) -> Chain:
    """Hold each line against its fingerprint, and the last against the file beside the log.

    Args:
        path: The log.
        lines: Its lines.

    Raises:
        DataError: A line was changed, moved or removed.
    """
    bodies: list[str] = []
    prints: list[str] = []
    unchained = 0
    for number, line in enumerate(lines, start=1):
        found = _CHAIN.search(line)
        body = line if found is None else line[: found.start()] + "}"
        expected = _next(prints[-1] if prints else "", body)
        if found is None and unchained == number - 1:
            unchained = number
        elif found is None or found[1] != expected:
            raise DataError(
                f"{path}:{number} does not follow from the lines before it: this line or one "
                "before it was changed, moved or removed",
                _HINT,
            )
        bodies.append(body)
        prints.append(expected)
    _refuse_cut(path, lines, prints, unchained)
    return Chain(tuple(bodies), prints[-1], unchained)


def refuse_lost(path: Path) -> None:
    """Refuse a log that is gone where the file beside it knows of lines.

    Raises:
        DataError: There were lines.
    """
    head = path.with_name(HEAD)
    if head.exists():
        raise DataError(
            f"{path} is missing or empty, but {head} says that there were looks",
            "Restore the log from your backup; to begin anew with data that nobody has looked at, "
            "remove both.",
        )


def _refuse_cut(path: Path, lines: Sequence[str], prints: Sequence[str], unchained: int) -> None:
    """Lines were removed from the end, or the file that would show it is gone."""
    head = path.with_name(HEAD)
    known = text_of(head).strip()
    if known in prints[max(unchained - 1, 0) :]:
        return
    if known:
        raise DataError(
            f"{path} has no line with the fingerprint {known[:12]} that {head} knows: lines were "
            "removed from its end",
            _HINT,
        )
    # A run that was stopped between the two files has written one look.
    looks = sum('"type": "look"' in line for line in lines[unchained:])
    if looks > 1:
        raise DataError(
            f"{head} is missing: it holds the fingerprint of the last line of {path}, so that "
            "lines cannot be removed from its end",
            "Restore it from your backup. Where you are sure that the log is whole, write the "
            "chain of its last line into it.",
        )


def _next(before: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()
