"""The page's section on other libraries, from what benchmarks/peers_calibration.py kept."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.judge import ERRORS_ALLOWED

KEPT = Path(__file__).with_name("peers.json")
TOOLS = ("abtest", "tea-tasting", "gbstats", "spotify-confidence", "statsmodels", "scipy")
PROMISED = 0.05

TEMPLATE = Path(__file__).with_name("peers.md")

Part = Mapping[str, Any]


def peers_section(path: Path = KEPT) -> str:
    """The section; that the libraries were not asked, where nothing is kept."""
    if not path.exists():
        return "## Other libraries\n\nNot asked: run `python benchmarks/peers_calibration.py TOOL`."
    kept: dict[str, Part] = json.loads(path.read_text(encoding="utf-8"))
    return TEMPLATE.read_text(encoding="utf-8").format(
        asked=_asked(kept),
        experiments=_experiments(kept),
        alarms=_table(kept, _alarms),
        lifts=_table(kept, lambda one: _coverage(one, "lift holds")),
        differences=_table(kept, lambda one: _coverage(one, "difference holds")),
        contradictions=_table(kept, lambda one: _never(one, "contradicts")),
        silent=_table(kept, lambda one: _never(one, "no p-value")),
    )


def _rows(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = lines
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _asked(kept: Mapping[str, Part]) -> str:
    head = ["library", "version", "Python", "numpy", "asked about rates", "about revenue"]
    names = ("version", "python", "numpy", "rates", "means")
    return _rows(
        [head]
        + [
            [tool, *(kept[tool][name] for name in names[:3])]
            + [f"`{kept[tool][name]}`" for name in names[3:]]
            for tool in TOOLS
            if tool in kept
        ]
    )


def _experiments(kept: Mapping[str, Part]) -> str:
    counts = {
        tool: max(one["measures"]["significant"][1] for one in part["settings"].values())
        for tool, part in kept.items()
    }
    most = max(counts.values())
    fewer = [f"{tool}, which takes long, {n:,}" for tool, n in counts.items() if n < most]
    missing = [f"{tool} was not asked" for tool in TOOLS if tool not in kept]
    said = "; ".join([f"{most:,} experiments for each setting", *fewer, *missing])
    return f"{said}."


def _table(kept: Mapping[str, Part], cell: Callable[[Part], str]) -> str:
    tools = [tool for tool in TOOLS if tool in kept]
    names = list(dict.fromkeys(name for part in kept.values() for name in part["settings"]))
    names.sort(key=lambda name: _order(kept, name))
    lines = [["customers in control / treatment", *tools]]
    for name in names:
        row = [
            cell(kept[tool]["settings"][name]) if name in kept[tool]["settings"] else ""
            for tool in tools
        ]
        if any(text not in {"", "-"} for text in row):
            lines.append([name, *row])
    return _rows(lines)


def _order(kept: Mapping[str, Part], name: str) -> tuple[Any, ...]:
    one = next(p["settings"][name] for p in kept.values() if name in p["settings"])
    return (
        one["lift"] != 0,
        one["kind"],
        one["half"],
        one["sigma"],
        one["n"][1] < one["n"][0],
        one["n"],
        one["rate"],
    )


def _far(hits: int, trials: int, promised: float) -> float:
    """How many standard errors above the promise."""
    return (hits / trials - promised) / math.sqrt(promised * (1 - promised) / trials)


def _alarms(one: Part) -> str:
    hits, trials = one["measures"]["significant"]
    text = f"{hits / trials:.1%}"
    if one["lift"]:
        return f"{text} (found)"
    warned, asked = one["measures"]["warned"]
    warns = " (warns)" if 2 * warned > asked else ""
    return f"**{text}**{warns}" if _far(hits, trials, PROMISED) > ERRORS_ALLOWED else text + warns


def _coverage(one: Part, measure: str) -> str:
    hits, trials = one["measures"][measure]
    if not trials:
        return "-"
    text = f"{hits / trials:.1%}"
    low = _far(trials - hits, trials, PROMISED) > ERRORS_ALLOWED
    return f"**{text}**" if low else text


def _never(one: Part, measure: str) -> str:
    hits, trials = one["measures"][measure]
    if not trials:
        return "-"
    share = f"{hits / trials:.1%}" if hits / trials >= 0.0005 else "under 0.1%"
    return f"**{share}**" if hits else "0"
