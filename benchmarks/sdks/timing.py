"""Time one SDK's own call for a split into halves: python timing.py MODULE.

Each module has ``prepare()``, which returns calls by name; a call takes a unit and returns a
variant. Printed as JSON: microseconds a call (the best of many rounds) and the share that was not
control, which shows that the SDK really split.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections import Counter

UNITS = [f"C{number:06d}" for number in range(20_000)]
ROUNDS = 5


def measure(call: object) -> dict[str, float]:
    """The best round, and the share of the smaller variant."""
    best = float("inf")
    answers = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        answers = [call(unit) for unit in UNITS]  # type: ignore[operator]
        best = min(best, time.perf_counter() - start)
    counts = Counter(map(str, answers))
    if len(counts) != 2:
        raise SystemExit(f"it did not split into two: {dict(counts)}")
    return {"us": best / len(UNITS) * 1e6, "share": min(counts.values()) / len(UNITS)}


def main(module: str) -> None:
    """Prepare and measure every call of a module."""
    logging.disable(logging.CRITICAL)
    calls = importlib.import_module(module).prepare()
    print(json.dumps({name: measure(call) for name, call in calls.items()}))
    sys.stdout.flush()
    # Some SDKs leave threads behind that would keep the process alive.
    importlib.import_module("os")._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
