"""The frozen plan in every view: when it was frozen, each change by name, and its reason."""

from __future__ import annotations

import pytest

from abtest.analysis.result import PlanChange, PlanLock
from abtest.report import render
from abtest.report.languages import speaking
from abtest.report.lock import build_lock, lock_fact
from report.report_fixtures import FORMULA, SCRIPT, result

AMENDED = PlanChange(
    path="metrics.bought.window.end", frozen="30d", present="20d", status="amended",
    on="2026-01-12", reason=f"Vouchers end {SCRIPT}",
)  # fmt: skip
SILENT = PlanChange(path="analysis.alpha", frozen=0.05, present=0.1, status="silent")
BROKEN = PlanChange(
    path="assignment.seed", frozen="a", present=FORMULA, status="amended", on="2026-01-13",
    reason="Salt was taken", exploratory=True,
)  # fmt: skip
ADDED = PlanChange(path="metrics.x", present={"kind": "sum"}, status="exploratory")


def frozen(status: str = "as_frozen", *changes: PlanChange, **more: object) -> PlanLock:
    values = {"status": status, "frozen_on": "2026-01-04", "changes": changes, **more}
    return PlanLock.model_validate(values)


ALL = frozen("drifted", AMENDED, BROKEN, SILENT, ADDED, fixed={"caps.revenue": 512.25})


@pytest.mark.parametrize("fmt", ["table", "md", "html"])
def test_every_change_is_named(fmt: str) -> None:
    text = render(result(lock=ALL), fmt)  # type: ignore[arg-type]
    for words in (
        "The frozen plan", "metrics.bought.window.end", "30d", "20d", "amended on 2026-01-12",
        "analysis.alpha", "0.05", "0.1", "changed, and nobody said why", "added to explore",
        "no reason makes it good", "caps.revenue", "512.25", "Salt was taken",
    ):  # fmt: skip
        assert words.replace("_", "\\_") in text or words in text, words
    if fmt != "table":  # a terminal runs no script
        assert SCRIPT not in text


@pytest.mark.parametrize("fmt", ["table", "md", "html"])
def test_a_plan_that_holds(fmt: str) -> None:
    assert "nothing has changed since" in render(result(lock=frozen()), fmt)  # type: ignore[arg-type]


@pytest.mark.parametrize("fmt", ["table", "md", "html"])
def test_no_plan_is_told_as_a_fact(fmt: str) -> None:
    text = render(result(), fmt)  # type: ignore[arg-type]
    assert "not frozen" in text
    assert "The frozen plan" not in text


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        (frozen(), "Frozen on 2026-01-04; nothing has changed since."),
        (frozen("amended", AMENDED), "Frozen on 2026-01-04; every change since has a reason."),
        (ALL, "Frozen on 2026-01-04; the spec differs, and nobody said why."),
        (PlanLock(), "not frozen"),
    ],
)
def test_the_sentence(lock: PlanLock, told: str) -> None:
    assert lock_fact(lock) == told
    view = build_lock(lock)
    assert (view is None) == (told == "not frozen")


def test_dates_and_digits_are_of_the_language() -> None:
    with speaking("fa"):
        view = build_lock(ALL)
    assert view is not None
    assert "۱۴۰۴" in view.told  # 4 January 2026 is in the year 1404
    assert any("۰٫۰۵" in row.frozen for row in view.rows)


def test_a_long_block_is_cut() -> None:
    change = PlanChange(path="metrics.x", present={"a": "b" * 500}, status="exploratory")
    view = build_lock(frozen("as_frozen", change))
    assert view is not None
    assert view.rows[0].present.endswith("…")
    assert len(view.rows[0].present) < 130
