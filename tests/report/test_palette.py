"""The colours of the page: readable for everybody, by the numbers of WCAG and of colour vision."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import abtest.report.html as page

STYLE = (Path(page.__file__).parent / "style.css").read_text(encoding="utf-8")
TEXTS = ("ink", "muted", "accent", "good", "bad", "care")
GROUNDS = ("paper", "raised", "loud")

# Machado, Oliveira & Fernandes (2009), IEEE TVCG 15, table 1, severity 1.0.
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def palettes() -> dict[str, dict[str, str]]:
    """The page's colours by scheme; each block replaces what the one before said."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    light, dark, paper = (dict(re.findall(r"--(\w+): (#\w+)", block)) for block in blocks)
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **paper}}


def rgb(colour: str) -> np.ndarray:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = np.array([int(digits[place : place + 2], 16) for place in (0, 2, 4)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    lights = sorted(float(rgb(one) @ [0.2126, 0.7152, 0.0722]) for one in (first, second))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a linear sRGB colour under D65."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    ratios = to_xyz @ np.clip(linear, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_text_can_be_read_on_every_ground(scheme: str, text: str, ground: str) -> None:
    palette = palettes()[scheme]
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_good_bad_and_control_stay_apart_for_the_colour_blind(scheme: str, kind: str) -> None:
    """They are told by words and dashes too; a difference of 10 in L*a*b* is plain to see."""
    palette = palettes()[scheme]
    seen = {
        name: lab(np.array(BLINDNESS[kind]) @ rgb(palette[name]))
        for name in ("good", "bad", "accent", "muted")
    }
    for first, second in (("good", "bad"), ("accent", "muted")):
        assert np.linalg.norm(seen[first] - seen[second]) > 10, (first, second)


def test_there_are_three_palettes_and_no_two_colours_of_text_are_the_same() -> None:
    for palette in palettes().values():
        assert set(TEXTS) | set(GROUNDS) <= set(palette)
        assert all(palette[a] != palette[b] for a, b in combinations(TEXTS, 2))
