"""Ranges into a spec's text: nothing else changes, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from abtest.errors import AbtestError
from abtest.spec.range_text import ranges_lines, with_ranges
from specs import EVENTS, advice, changed, loaded

HALF = 2**51
SWAPPED = {"control": ((HALF, 2**52),), "coupon": ((0, HALF),)}
BLOCK = """\
assignment:
  phases:
    - from: 2026-01-02
      coverage: 0.5
    # the second one
    -   weights: {control: 1, coupon: 1}  # equal
        from: 2026-02-01

    # nothing follows
"""
FLOW = "assignment: {phases: [{from: 2026-01-02, weights: {control: 1, coupon: 1},}]}\n"


@pytest.mark.parametrize("added", [BLOCK, FLOW], ids=["block", "flow"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["unix", "windows"])
def test_the_rest_of_the_text_stays(added: str, ending: str) -> None:
    text = (added + EVENTS).replace("\n", ending)
    written = with_ranges(text, SWAPPED)
    assert written.count(ending) == written.count("\n")
    assert loaded(written).spec.assignment.phases[-1].ranges == SWAPPED
    start = next(place for place, (a, b) in enumerate(zip(text, written, strict=False)) if a != b)
    kept = len(text) - start
    assert text == written[:start] + written[-kept:]


def test_what_a_block_looks_like() -> None:
    assert with_ranges(BLOCK + EVENTS, SWAPPED).startswith("""\
assignment:
  phases:
    - from: 2026-01-02
      coverage: 0.5
    # the second one
    -   ranges:  # half-open, of 2**52 = 4503599627370496
          control: [[2251799813685248, 4503599627370496]]  # 50%
          coupon: [[0, 2251799813685248]]  # 50%
        weights: {control: 1, coupon: 1}  # equal
        from: 2026-02-01
""")


@pytest.mark.parametrize(
    "name", ["no", "true", "1", "a: b", "x,y=5", "تخفیف", 'a"b\\', "\u2028", "#"]
)
def test_names_that_yaml_would_take_for_something_else_are_quoted(name: str) -> None:
    ranges = {"control": ((HALF, 2**52),), name: ((0, HALF),)}
    line = ranges_lines(ranges)[2]
    assert line.startswith('  "')
    names = changed(FLOW + EVENTS, ("coupon: 1", f"{line.split(': [[')[0].strip()}: 1"))
    text = changed(names, ("key: coupon", f"key: {line.split(': [[')[0].strip()}"))
    assert loaded(with_ranges(text, ranges)).spec.assignment.phases[0].ranges == ranges


def test_ranges_are_never_written_over() -> None:
    written = with_ranges(FLOW + EVENTS, SWAPPED)
    with pytest.raises(AbtestError, match="has ranges already\n  Hint: delete them first"):
        with_ranges(written, SWAPPED)


def test_what_would_not_be_read_back_is_refused() -> None:
    anchored = changed(FLOW, ("[{from", "[&one {from")) + EVENTS  # the anchor is where it would go
    listed = changed(FLOW, ("[{from", "&all [{from")) + EVENTS
    assert loaded(with_ranges(listed, SWAPPED)).spec.assignment.phases[0].ranges == SWAPPED
    for text, ranges in ((anchored, SWAPPED), (FLOW + EVENTS, {"control": ((0, 5),)})):
        with pytest.raises(AbtestError, match=r"into the spec's text\n  Hint: leave out -o, and"):
            with_ranges(text, ranges)


def test_weights_after_ranges_are_advised_against() -> None:
    phases = changed(FLOW, (",}]", "}, {from: 2026-02-01, weights: {control: 1, coupon: 3}}]"))
    text = phases + EVENTS
    assert advice(text) == []
    ranged = changed(text, ("2026-01-02,", f"2026-01-02, ranges: {_flow(SWAPPED)},"))
    found = advice(ranged)
    assert len(found) == 1
    assert "assignment.phases.1.weights: bring the formula's intervals back" in found[0]
    assert advice(changed(ranged, (", weights: {control: 1, coupon: 3}", ", coverage: 0.5"))) == []


def _flow(ranges: Mapping[str, tuple[tuple[int, int], ...]]) -> str:
    inside = ", ".join(f"{name}: {[list(pair) for pair in own]}" for name, own in ranges.items())
    return f"{{{inside}}}"
