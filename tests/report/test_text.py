"""Names are made safe once, for every renderer."""

from __future__ import annotations

import pytest

from abtest.report.text import REPLACEMENT, clean
from report.report_fixtures import ARABIC, CHINESE, EMOJI, PERSIAN


@pytest.mark.parametrize(
    "code", ["\x00", "\x07", "\x08", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ud800"]
)
def test_control_codes_become_visible(code: str) -> None:
    assert clean(f"a{code}b") == f"a{REPLACEMENT}b"


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\t", "\u2028", "\x85"])
def test_line_breaks_become_one_space(gap: str) -> None:
    assert clean(f"a{gap}b") == "a b"


@pytest.mark.parametrize(
    "name", [PERSIAN, ARABIC, CHINESE, EMOJI, "می\u200cخرد", "👩\u200d👧", "a\u200fb", "50% off"]
)
def test_scripts_keep_their_joiners_and_marks(name: str) -> None:
    assert clean(name) == name


def test_any_value_is_shown_as_text() -> None:
    assert clean(7) == "7"
