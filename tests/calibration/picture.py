"""The page's picture: false alarms and coverage of each setting."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.judge import ERRORS_ALLOWED, Verdict

DOT, BAND = "#1f6f8b", "#d9d9d9"


def write_picture(found: Iterable[tuple[str, list[Verdict]]], path: Path) -> None:
    """Draw a dot for each promise of 5% and of 95%, with the band of its Monte Carlo error."""
    found = [(suite, [v for v in verdicts if v.claim.band != "shown"]) for suite, verdicts in found]
    # The same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "calibration", "font.size": 9}):
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, found, 0.05, "False alarms, promised 5%")
        _panel(right, found, 0.95, "Intervals that hold the truth, promised 95%")
        left.invert_yaxis()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _panel(axes: Axes, found: list[tuple[str, list[Verdict]]], nominal: float, title: str) -> None:
    suites = list(dict.fromkeys(suite for suite, _ in found))
    for place, suite in enumerate(suites):
        dots = [
            v
            for name, verdicts in found
            for v in verdicts
            if name == suite and v.claim.nominal == nominal and v.rate is not None
        ]
        heights = [place + 0.7 * ((i + 0.5) / len(dots) - 0.5) for i in range(len(dots))]
        reach = [ERRORS_ALLOWED * v.error for v in dots]
        low, high = [nominal - r for r in reach], [nominal + r for r in reach]
        axes.hlines(heights, low, high, color=BAND, linewidth=2, zorder=1)
        rates = [v.rate or 0.0 for v in dots]
        fills = [DOT if v.claim.band == "within" else "white" for v in dots]
        axes.scatter(rates, heights, s=9, c=fills, edgecolors=DOT, linewidths=0.7, zorder=2)
    axes.axvline(nominal, color="black", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(suites)), suites)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.1%}")
    axes.set_title(title, fontsize=10)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
