"""The summaries in Persian and Arabic are right to left, and other-tools.md can be recomputed."""

from __future__ import annotations

import pytest

from abtest.methods import MiettinenNurminen
from abtest.stats.summaries import Proportion
from support import ROOT

DOCS = ROOT / "docs"


@pytest.mark.parametrize("language", ["fa", "ar"])
def test_a_summary_is_right_to_left(language: str) -> None:
    text = (DOCS / f"{language}.md").read_text(encoding="utf-8")
    assert text.count(f'<div dir="rtl" lang="{language}" markdown>') == text.count("</div>") > 1
    assert f"--lang {language}" in text


@pytest.mark.parametrize(
    ("control", "treatment", "shown"),
    [((10, 500), (337, 9500), "p = 0.065"), ((0, 2000), (25, 2000), "p = 5e-7")],
)
def test_our_side_of_the_comparison(
    control: tuple[int, int], treatment: tuple[int, int], shown: str
) -> None:
    page = (DOCS / "explanation" / "other-tools.md").read_text(encoding="utf-8")
    first, second = (Proportion(successes=side[0], n=side[1]) for side in (control, treatment))
    pvalue = MiettinenNurminen().compare(first, second, 0.95).pvalue
    assert shown in page
    assert pvalue == pytest.approx(float(shown.removeprefix("p = ")), rel=0.1)


def test_the_two_intervals_of_a_lift() -> None:
    page = (DOCS / "explanation" / "other-tools.md").read_text(encoding="utf-8")
    control, treatment, n, z = 0.10, 0.13, 400, 1.959964
    variances = [share * (1 - share) / n for share in (control, treatment)]
    lift = treatment / control - 1
    narrow = z * sum(variances) ** 0.5 / control
    whole = z * (variances[1] + (treatment / control) ** 2 * variances[0]) ** 0.5 / control
    for half in (narrow, whole):
        assert f"{lift - half:+.1%} to" in page
        assert f"{lift + half:+.1%}" in page
