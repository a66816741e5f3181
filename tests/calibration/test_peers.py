"""The section on other libraries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from calibration.peers import KEPT, TOOLS, peers_section

MEASURES = {
    "significant": [100, 1000],
    "difference holds": [0, 0],
    "lift holds": [950, 1000],
    "contradicts": [10, 1000],
    "no p-value": [0, 1000],
    "warned": [0, 1000],
}
SETTING = {"kind": "rate", "n": [950, 50], "rate": 0.1, "lift": 0.0, "sigma": 0.0, "half": False}


def section(tmp_path: Path, **measures: list[int]) -> list[str]:
    one = {**SETTING, "checksum": 1, "measures": {**MEASURES, **measures}}
    tool = dict.fromkeys(("version", "python", "numpy", "rates", "means"), "1")
    path = tmp_path / "peers.json"
    path.write_text(json.dumps({"scipy": {**tool, "settings": {"rate 0.1, 950 / 50": one}}}))
    return [line for line in peers_section(path).splitlines() if line.startswith("| rate")]


def test_what_breaks_its_promise_is_bold(tmp_path: Path) -> None:
    assert section(tmp_path) == [
        "| rate 0.1, 950 / 50 | **10.0%** |",
        "| rate 0.1, 950 / 50 | 95.0% |",
        "| rate 0.1, 950 / 50 | **1.0%** |",
        "| rate 0.1, 950 / 50 | 0 |",
    ]


def test_a_warning_is_told(tmp_path: Path) -> None:
    assert section(tmp_path, warned=[900, 1000])[0] == "| rate 0.1, 950 / 50 | **10.0%** (warns) |"


def test_what_is_rare_is_not_never(tmp_path: Path) -> None:
    assert section(tmp_path, contradicts=[1, 4000])[2] == "| rate 0.1, 950 / 50 | **under 0.1%** |"


def test_a_library_that_was_not_asked_is_named(tmp_path: Path) -> None:
    section(tmp_path)
    assert "tea-tasting was not asked" in peers_section(tmp_path / "peers.json")
    assert "Not asked" in peers_section(tmp_path / "absent.json")


@pytest.mark.skipif(not KEPT.exists(), reason="no answers of other libraries are kept")
def test_every_library_saw_the_same_experiments() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    assert set(kept) == set(TOOLS)
    seen = {
        tool: {name: one["checksum"] for name, one in part["settings"].items()}
        for tool, part in kept.items()
    }
    assert all(checksums == seen["abtest"] for checksums in seen.values())
