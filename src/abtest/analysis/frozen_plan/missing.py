"""A lock that is gone: earlier results in the folder say that the plan was frozen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abtest.analysis.archive.saved_results import FOLDER
from abtest.analysis.result import PlanLock
from abtest.analysis.segments.effects import unplanned
from abtest.analysis.verdicts import undecided
from abtest.sentences import sentence
from abtest.spec.lock import lock_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.result import Result
    from abtest.spec import LoadedSpec


def without_lock(result: Result, loaded: LoadedSpec) -> Result:
    """The result of a spec without a lock; marked where one was there before.

    An earlier result in the folder tells it: it holds the fingerprint of the plan that it was held
    against. Without that plan nobody can say what has changed since, so nothing is confirmatory.

    Args:
        result: The result.
        loaded: The spec as it is written.
    """
    before = next(_locks_before(loaded), None)
    if before is None:
        return unplanned(result)
    file = lock_path(Path(loaded.document.file or "")).name
    lock = PlanLock(
        status="missing", file=file, frozen_on=before["frozen_on"], sha256=before["sha256"]
    )
    records = tuple(
        record
        if record.label == "descriptive"
        else record.model_copy(update={"label": "exploratory"})
        for record in result.results
    )
    held: dict[str, Any] = {"lock": lock, "results": records, "sentences": {}}
    if result.decision.verdict in {"ship", "neutral"}:
        reason = sentence(
            "The plan was frozen, and its lock {file} is gone: nobody can say what has changed "
            "since. Restore it from version control.",
            file=file,
        )
        update = {"verdict": "inconclusive", "variant": None, "rule_line": "lock", "reason": reason}
        held["decision"] = result.decision.model_copy(update=update)
        held["results"] = undecided(records)
    return type(result)(
        **{name: getattr(result, name) for name in type(result).model_fields} | held
    )


def _locks_before(loaded: LoadedSpec) -> Iterator[dict[str, Any]]:
    """The frozen plans that results of this experiment in its folder were held against."""
    home = loaded.folder / FOLDER
    if not loaded.document.file or not home.is_dir():
        return
    for path in sorted(home.glob("*.json"), reverse=True):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # what reads results says what is wrong with it
            continue
        if not isinstance(data, dict) or data.get("experiment") != loaded.spec.key:
            continue
        lock = data.get("lock")
        if isinstance(lock, dict) and lock.get("sha256") and lock.get("frozen_on"):
            yield lock
