"""What is where on the site: a folder is listed whole, so that a new page is never lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"

REST = "Explanation"
"""Where a page is listed that has no other place."""

SECTIONS: dict[str, dict[str, str] | str] = {
    "Home": "index.md",
    "Tutorials": {
        "From nothing to a decision": "tutorials/from-nothing-to-a-decision.md",
        "For the data scientist": "tutorials/for-the-data-scientist.md",
    },
    "How to": {"": "how-to/"},
    "Reference": {
        "Keys of a spec": "reference/spec.md",
        "Commands": "reference/command-line.md",
        "Python": "reference/python.md",
        "What a result holds": "reference/result.md",
        "Exit codes": "reference/exit-codes.md",
        "Metrics": "metrics/",
        "Methods": "methods/",
        "Changes": "changelog.md",
    },
    "Explanation": {
        "Mistakes that look like results": "explanation/mistakes.md",
        "How it is built": "explanation/architecture.md",
        "Beside other tools": "explanation/other-tools.md",
        "Are the claims right": "calibration.md",
        "Speed": "benchmarks.md",
        "Decisions": "adr/",
    },
    "فارسی": "fa.md",
    "العربية": "ar.md",
}


def navigation() -> list[Any]:
    """The sections as MkDocs takes them."""
    found: list[Any] = [
        {title: parts if isinstance(parts, str) else _entries(parts)}
        for title, parts in SECTIONS.items()
    ]
    listed = set(pages_of(found))
    [explanation] = [entry for entry in found if REST in entry]
    explanation[REST] += [
        {title_of(page): page.relative_to(DOCS).as_posix()}
        for page in sorted(DOCS.rglob("*.md"))
        if page.relative_to(DOCS).as_posix() not in listed
    ]
    return found


def _entries(parts: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    for title, place in parts.items():
        if not place.endswith("/"):
            found.append({title: place})
        elif title:
            found.append({title: _folder(place)})
        else:
            found += _folder(place)
    return found


def _folder(place: str) -> list[Any]:
    """The pages of a folder by their titles; its index first."""
    pages = sorted((DOCS / place).glob("*.md"), key=lambda page: (page.stem != "index", page.name))
    return [{title_of(page): f"{place}{page.name}"} for page in pages]


def title_of(page: Path) -> str:
    """The page's first heading, without marks."""
    return re.sub(r"[`*]", "", page.read_text(encoding="utf-8").splitlines()[0].lstrip("# "))


def pages_of(entries: list[Any]) -> list[str]:
    """Every page that is listed."""
    found = []
    for entry in entries:
        [place] = entry.values()
        found += [place] if isinstance(place, str) else pages_of(place)
    return found
