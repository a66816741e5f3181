"""How long the bootstrap takes, and how many times scipy's; a table for docs/benchmarks.md.

Revenue with cents of a million customers, half in each variant. scipy resamples every unit, so it
runs on a smaller size and the ratio is taken there.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from scipy import stats

from abtest.stats.resampling.bootstrap import Target, bootstrap
from abtest.stats.resampling.draws import Resampling
from abtest.stats.resampling.permutation import permutation
from abtest.stats.resampling.quantiles import compare_quantiles
from abtest.stats.resampling.value_counts import ValueCounts


def revenue(units: int, seed: int) -> np.ndarray:
    """Zero for two in three, log-normal with cents for the others."""
    rng = np.random.default_rng(seed)
    return np.round(rng.lognormal(3.0, 1.0, units) * (rng.random(units) < 1 / 3), 2)


def seconds(work, runs=3) -> float:
    """The best of several runs."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def against_scipy(units: int, resamples: int) -> tuple[float, float]:
    """Seconds of ours, from rows, and of scipy's percentile bootstrap."""
    rows = revenue(units // 2, 3), revenue(units // 2, 4)

    def ours():
        counts = [ValueCounts.of(row) for row in rows]
        bootstrap(*counts, Resampling(resamples, 1))

    def theirs():
        def difference(control, treatment, axis=-1):
            return treatment.mean(axis=axis) - control.mean(axis=axis)

        stats.bootstrap(rows, difference, n_resamples=resamples, method="percentile",
                        vectorized=True, batch=50, rng=np.random.default_rng(1))  # fmt: skip

    return seconds(ours), seconds(theirs, runs=1)


def main() -> None:
    """Measure and print."""
    units = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    counts = [ValueCounts.of(revenue(units // 2, seed)) for seed in (1, 2)]
    orders = [ValueCounts.of(np.random.default_rng(s).poisson(1.3, units // 2)) for s in (1, 2)]
    ten = Resampling(10_000, 1)
    print(f"| {units:,} customers, 10,000 resamples | seconds |\n|---|---|")
    distinct = " and ".join(f"{len(c.values):,}" for c in counts)
    print(f"| revenue ({distinct} distinct values), percentile "
          f"| {seconds(lambda: bootstrap(*counts, ten)):.2f} |")  # fmt: skip
    bca = Target("bca")
    print(f"| revenue, BCa | {seconds(lambda: bootstrap(*counts, ten, bca)):.2f} |")
    print(f"| order counts, percentile | {seconds(lambda: bootstrap(*orders, ten)):.3f} |")
    median = Target(q=0.9)
    print(f"| 90% quantile, percentile | {seconds(lambda: bootstrap(*counts, ten, median)):.3f} |")
    print("| 90% quantile, order statistics, no resampling "
          f"| {seconds(lambda: compare_quantiles(*counts, 0.9)):.3f} |")  # fmt: skip
    print(f"| permutation, revenue | {seconds(lambda: permutation(*counts, ten)):.2f} |")
    ours, theirs = against_scipy(100_000, 10_000)
    print(f"\n100,000 customers, 10,000 resamples: {ours:.2f} s, scipy.stats.bootstrap "
          f"{theirs:.2f} s, {theirs / ours:.0f} times as long")  # fmt: skip


if __name__ == "__main__":
    main()
