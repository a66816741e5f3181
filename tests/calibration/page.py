"""docs/calibration.md and its picture, from finished cells."""

from __future__ import annotations

import inspect
import subprocess
from itertools import groupby

from calibration.cells import Cell, Claim, Tally
from calibration.judge import Verdict, judged
from calibration.peers import peers_section
from calibration.picture import write_picture
from calibration.runner import ROOT, Store
from calibration.suites import suite_modules

PAGE = ROOT / "docs" / "calibration.md"
PICTURE = ROOT / "docs" / "assets" / "calibration.svg"
TEMPLATE = ROOT / "tests" / "calibration" / "page.md"

Judged = list[tuple[Cell, dict[str, Tally], list[Verdict]]]


def write_page(cells: list[Cell], store: Store) -> None:
    """Write the page and its picture."""
    found: Judged = []
    for cell in cells:
        tallies = store.result(cell)
        found.append((cell, tallies, judged(cell, tallies)))
    PAGE.write_text(page(found, _commit()), encoding="utf-8")
    write_picture([(cell.suite, verdicts) for cell, _, verdicts in found], PICTURE)


def page(found: Judged, commit: str) -> str:
    """The page's text."""
    promises = [v for _, _, verdicts in found for v in verdicts if v.claim.band != "shown"]
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in {
        "commit": f"`{commit}`",
        "cells": f"{len(found):,}",
        "repeats": f"{sum(_repeats(tallies) for _, tallies, _ in found):,}",
        "claims": f"{len(promises):,}",
        "failures": str(sum(not v.holds for v in promises)),
        "summary": "\n".join(_summary_row(suite, part) for suite, part in _by_suite(found)),
        "suites": "\n\n".join(_suite(suite, part) for suite, part in _by_suite(found)),
        "peers": peers_section(),
    }.items():
        text = text.replace("{" + name + "}", value)
    return text


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _by_suite(found: Judged) -> list[tuple[str, Judged]]:
    return [(suite, list(part)) for suite, part in groupby(found, lambda one: one[0].suite)]


def _repeats(tallies: dict[str, Tally]) -> int:
    return round(max((tally.trials for tally in tallies.values()), default=0))


def _words(suite: str) -> tuple[str, str]:
    """A suite's title and text: the docstring of its module."""
    for module in suite_modules():
        if module.CELLS[0].suite == suite:
            title, _, text = (inspect.getdoc(module) or suite).partition("\n")
            return title.rstrip("."), text.strip()
    return suite, ""


def _summary_row(suite: str, part: Judged) -> str:
    promises = [v for _, _, verdicts in part for v in verdicts if v.claim.band != "shown"]
    furthest = max((_errors_away(v) for v in promises), default=0.0)
    outside = sum(not v.holds for v in promises)
    title, _ = _words(suite)
    return f"| {suite}: {title} | {len(part)} | {len(promises)} | {outside} | {furthest:.1f} |"


def _errors_away(verdict: Verdict) -> float:
    """How far on its bad side a promise is, in standard errors."""
    if verdict.rate is None or not verdict.error:
        return 0.0
    away = (verdict.rate - verdict.claim.nominal) / verdict.error
    return {"within": abs(away), "at_most": away, "at_least": -away}.get(verdict.claim.band, 0.0)


def _suite(suite: str, part: Judged) -> str:
    title, text = _words(suite)
    settings = list(dict.fromkeys(name for cell, _, _ in part for name in cell.settings))
    columns = list(dict.fromkeys(v.claim.tally for _, _, verdicts in part for v in verdicts))
    head = [*settings, *columns, "experiments"]
    rows = [
        [
            *(_setting(cell.settings.get(name)) for name in settings),
            *(_shown(verdicts, tallies, name) for name in columns),
            f"{_repeats(tallies):,}",
        ]
        for cell, tallies, verdicts in part
    ]
    lines_below = ["---"] * len(settings) + ["---:"] * (len(columns) + 1)
    table = [head, lines_below, *rows]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in table)
    return f"## {suite}: {title}\n\n{text}\n\n{_promised(part)}\n\n{lines}"


def _setting(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,}"


def _promised(part: Judged) -> str:
    said = dict.fromkeys(
        _promise(v.claim) for _, _, verdicts in part for v in verdicts if v.claim.band != "shown"
    )
    return f"Promised: {'; '.join(said)}." if said else "Nothing is promised here."


def _promise(claim: Claim) -> str:
    return f"{claim.tally} {claim.band.replace('_', ' ')} {claim.nominal:.4g}"


def _shown(verdicts: list[Verdict], tallies: dict[str, Tally], name: str) -> str:
    verdict = next((v for v in verdicts if v.claim.tally == name), None)
    if verdict is None:
        return ""
    if verdict.rate is None:
        return "never" if verdict.holds else "**never**"
    measured = tallies[name].squares is not None
    text = f"{verdict.rate:.4g}" if measured else f"{verdict.rate:.2%}"
    return text if verdict.holds else f"**{text}**"
