"""Small tables on the page: what is a sentence wraps, what is a number does not."""

from __future__ import annotations

from abtest.report.html import environment
from abtest.report.sheets import Sheet


def test_a_long_note_wraps() -> None:
    note = "Assumes that the offer moves nobody who does not redeem it."
    sheet = Sheet("What the money did", ("Measure", "Value", "Note"), (("Cost", "5.122", note),))
    template = environment().from_string('{% import "macros.html" as m %}{{ m.sheet(one, "b") }}')
    shown = template.render(one=sheet)
    assert f'<td class="long"><bdi>{note}</bdi></td>' in shown
    assert "<td><bdi>5.122</bdi></td>" in shown
