"""`python -m calibration [SUITE ...]`: run suites; the page is written when all were run."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from calibration.cells import Cell
from calibration.judge import judged
from calibration.page import write_page
from calibration.runner import ROOT, Store, code_fingerprint, run
from calibration.suites import all_cells


def failures(cells: list[Cell], store: Store) -> list[str]:
    """A line for each claim that is out of its band."""
    return [
        f"{cell.key}: {verdict.claim.tally} is {verdict.rate}, {verdict.claim.band} "
        f"{verdict.claim.nominal:g} (Monte Carlo standard error {verdict.error:.2g})"
        for cell in cells
        for verdict in judged(cell, store.result(cell))
        if not verdict.holds
    ]


def main() -> int:
    """Run, write, and say what is out of its band."""
    parser = argparse.ArgumentParser(prog="python -m calibration", description=__doc__)
    parser.add_argument("suites", nargs="*", help="for example S1; all when none is named")
    parser.add_argument("--store", type=Path, default=ROOT / ".calibration.jsonl")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    known = all_cells()
    unknown = sorted(set(chosen.suites) - {cell.suite for cell in known.values()})
    if unknown:
        parser.error(f"no such suite: {', '.join(unknown)}")
    cells = [c for c in known.values() if not chosen.suites or c.suite in chosen.suites]
    store = Store(chosen.store, code_fingerprint())
    started = time.monotonic()
    run(cells, store, chosen.processes)
    sys.stdout.write(f"{len(cells)} cells in {time.monotonic() - started:.0f} s\n")
    if not chosen.suites:
        write_page(cells, store)
    out = failures(cells, store)
    sys.stdout.write("".join(f"OUT OF BAND {line}\n" for line in out) or "all claims hold\n")
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
