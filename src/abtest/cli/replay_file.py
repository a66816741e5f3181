"""Replays on disk, one a line, so that an interrupted rehearsal goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from abtest.cli.output import replacing
from abtest.errors import AbtestError

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.rehearsal.replay import Replay


class ReplayFile:
    """A file of replays: its first line says of what, each other line is a replay.

    Args:
        path: The file; it need not be there.
        replay: What makes the replays.
    """

    def __init__(self, path: Path, replay: Replay) -> None:
        self._path = path
        self._of = {"schema": "abtest-replays/v2", "of": fingerprint(replay)}

    def read(self) -> list[dict[str, Any]]:
        """The replays of an earlier run, up to the first that is broken; the file ends there.

        Raises:
            AbtestError: The file is of another rehearsal, or no such file.
        """
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        if lines and _parsed(lines[0]) != self._of:
            raise AbtestError(
                f"{self._path} holds replays of another rehearsal\n"
                "  Hint: the spec, the history, the effects or the seed differ; give another file."
            )
        found = whole_replays(lines[1:])
        with replacing(self._path) as temporary:
            kept = [self._of, *found]
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept)
            temporary.write_text(text, encoding="utf-8")
        return found

    def append(self, line: str) -> None:
        """Keep one replay more."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def whole_replays(lines: list[str]) -> list[dict[str, Any]]:
    """The replays in order, up to the first that is missing or broken."""
    found: list[dict[str, Any]] = []
    for line in lines:
        one = _parsed(line)
        if not isinstance(one, dict) or one.get("replay") != len(found):
            break
        found.append(one)
    return found


def fingerprint(replay: Replay) -> str:
    """SHA-256 of everything that a replay depends on but its number."""
    digest = hashlib.sha256(replay.spec.fingerprint().encode())
    digest.update(repr((replay.planted, replay.seed, replay.outcomes.columns)).encode())
    for outcome in replay.outcomes.metrics:
        digest.update(outcome.metric.encode())
        for values in (outcome.observed, outcome.y, outcome.x):
            digest.update(b"" if values is None else values.tobytes())
    digest.update(replay.outcomes.history.tobytes())
    if replay.outcomes.clusters is not None:
        digest.update(replay.outcomes.clusters.tobytes())
    amounts = replay.outcomes.amounts
    if amounts is not None:
        for values in (amounts.observed, amounts.gross, amounts.used, amounts.base):
            digest.update(values.tobytes())
    return digest.hexdigest()


def _parsed(line: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(line)
    except ValueError:
        return None
