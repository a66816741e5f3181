"""How long it takes to start: imports, --help, a whole analysis; a table for docs/benchmarks.md.

Run it with `make benchmark` on a quiet machine. Each number is the best of several runs of a whole
process, so that other work on the machine disturbs least.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 7
COOKIE_CATS = ROOT / "tests" / "real" / "cookie_cats.yaml"
EXAMPLE = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
THIRD_PARTY = ROOT.parent / "shared" / "data" / "cookie_cats.csv"


def best(arguments: list[str]) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=False, capture_output=True, cwd=ROOT)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    bare = best(["-c", ""])
    rows = [
        ("bare interpreter", bare, ""),
        ("import abtest; from abtest import assign",
         best(["-c", "import abtest; from abtest import assign"]), "bare + 0.030"),
        ("abtest --help", best(["-m", "abtest", "--help"]), "0.25"),
        ("abtest validate (example)", best(["-m", "abtest", "validate", str(EXAMPLE)]), ""),
        ("abtest analyze (example), table only",
         best(["-m", "abtest", "analyze", "--no-report", str(EXAMPLE)]), ""),
    ]  # fmt: skip
    if THIRD_PARTY.is_file():
        table = ["-m", "abtest", "analyze", "--no-report", str(COOKIE_CATS)]
        rows.append(("abtest analyze (Cookie Cats, 90,189 rows), table only", best(table), "3"))
        html = ["-m", "abtest", "analyze", "-f", "html", str(COOKIE_CATS)]
        rows.append(("abtest analyze (Cookie Cats), HTML report", best(html), "3"))
    print("| what | seconds | over bare | target |\n|---|---|---|---|")
    for what, seconds, target in rows:
        print(f"| {what} | {seconds:.3f} | {seconds - bare:.3f} | {target} |")


if __name__ == "__main__":
    main()
