"""Explicit ranges: they move as few as can be, fill the space, and answer as the formula would."""

from __future__ import annotations

import itertools
import json
import pickle
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.assignment import Experiment, assign
from abtest.assignment.formula import PARTS, digits_of, salted
from abtest.assignment.parts import Phase, Split
from abtest.assignment.ranges import in_order, plain_ranges, range_faults, steps_of
from abtest.assignment.sql import select
from abtest.assignment.switching import fewest_moves, ranges_in, ranges_of, switching

Ranges = tuple[tuple[int, int], ...]
SPACE = 2**52
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
units = st.text(min_size=1, max_size=40) | st.integers()
weights = st.lists(st.integers(0, 1_000), min_size=4, max_size=4).filter(any)
chains = st.lists(weights, min_size=2, max_size=5)
numbers = st.integers(0, SPACE - 1)
relaxed = settings(deadline=None)  # a busy machine is no fault of the code


def named(values: list[int]) -> dict[str, int]:
    return {f"v{index}": value for index, value in enumerate(values)}


def chained(steps: list[list[int]]) -> list[dict[str, Ranges]]:
    """The ranges after each change of weights, each with the fewest moves from the one before."""
    found = [ranges_of(named(steps[0]))]
    for step in steps[1:]:
        found.append(fewest_moves(found[-1], named(step)))
    return found


def owner(ranges: dict[str, Ranges], number: int) -> str:
    """The variant of a number, by looking at every range."""
    owners = [name for name, own in ranges.items() if any(a <= number < b for a, b in own)]
    assert len(owners) == 1
    return owners[0]


def phased(steps: list[list[int]], coverages: list[int] | None = None) -> Experiment:
    """An experiment whose phases bring the fewest moves, and a coverage each."""
    variants = list(named(steps[0]).items())
    coverages = coverages or [PARTS] * len(steps)
    phases = [
        Phase(START + index * DAY, coverages[index], step, list(ranges.values()))
        for index, (step, ranges) in enumerate(zip(steps, chained(steps), strict=True))
    ]
    return Experiment("exp-1", variants, coverage_parts=0, phases=phases)


@relaxed
@given(chains)
def test_the_ranges_reach_exactly_the_minimum(steps: list[list[int]]) -> None:
    for (before, after), step in zip(itertools.pairwise(chained(steps)), steps[1:], strict=True):
        found = switching(before, after)
        # The minimum by its definition: what each variant has above its new number of numbers.
        sizes = [sum(b - a for a, b in own) for own in before.values()]
        wanted = [sum(b - a for a, b in own) for own in plain_ranges(step)]
        lost = sum(max(0, size - want) for size, want in zip(sizes, wanted, strict=True))
        assert found.switched == found.minimum == Fraction(lost, SPACE)
        for (name, size), want in zip(zip(before, sizes, strict=True), wanted, strict=True):
            # Nobody leaves a variant that does not shrink, and no more leave than it shrinks by.
            assert found.leaving(name) == Fraction(max(0, size - want), SPACE)


@relaxed
@given(chains)
def test_ranges_fill_the_space_once_and_agree_with_the_weights(steps: list[list[int]]) -> None:
    for ranges, step in zip(chained(steps), steps, strict=True):
        pieces = in_order(ranges)
        assert [start for start, _, _ in pieces] == [0, *(end for _, end, _ in pieces[:-1])]
        assert pieces[-1][1] == SPACE
        assert list(range_faults(ranges, named(step))) == []


@relaxed
@given(chains, numbers)
def test_a_split_gives_each_number_its_owner(steps: list[list[int]], number: int) -> None:
    for ranges, step in zip(chained(steps), steps, strict=True):
        split = Split(tuple(ranges), tuple(step), PARTS, tuple(ranges.values()))
        edges = [edge for own in ranges.values() for pair in own for edge in pair]
        for n1 in {number, *edges, *(edge - 1 for edge in edges)} - {SPACE, -1}:
            assert split.choose(f"{n1:013x}" + "0" * 51) == owner(ranges, n1)


@relaxed
@given(chains, units)
def test_nobody_moves_who_needs_not(steps: list[list[int]], unit: str | int) -> None:
    experiment = phased(steps)
    days = [START + index * DAY for index in range(len(steps))]
    splits = [experiment.in_force(day)[1] for day in days]
    seen = [experiment.variant(unit, at=day) for day in days]
    sizes = [
        {name: sum(b - a for a, b in own) for name, own in ranges_in(split).items()}
        for split in splits
    ]
    for (old, new), (before, after) in zip(
        itertools.pairwise(seen), itertools.pairwise(sizes), strict=True
    ):
        assert old is not None
        assert new is not None
        if old != new:  # who moves leaves a variant that shrinks for one that grows
            assert before[old] > after[old]
            assert before[new] < after[new]


@relaxed
@given(weights, units)
def test_a_plain_phase_equals_the_same_phase_with_explicit_ranges(
    numbers: list[int], unit: str | int
) -> None:
    variants = list(named(numbers).items())
    plain = Experiment("exp-1", variants, phases=[Phase(START, 5_000, numbers)])
    written = Experiment(
        "exp-1", variants, phases=[Phase(START, 5_000, numbers, plain_ranges(numbers))]
    )
    assert assign(written, unit, at=START) == assign(plain, unit, at=START)
    for dialect in ("duckdb", "postgres"):
        texts = [select(item, dialect, column="id", at=START) for item in (plain, written)]
        if 0 not in numbers:  # the formula compares with the limit of a weight of 0 too
            assert texts[0] == texts[1]


@relaxed
@given(chains, units, st.lists(st.integers(0, PARTS), min_size=5, max_size=5))
def test_a_ramp_over_ranges_never_moves_an_enrolled_unit(
    steps: list[list[int]], unit: str | int, coverages: list[int]
) -> None:
    ranges = chained(steps)[-1]
    ramp = sorted(coverages)
    first = Phase(START, ramp[0], steps[-1], list(ranges.values()))
    rest = [Phase(START + (index + 1) * DAY, parts) for index, parts in enumerate(ramp[1:])]
    experiment = Experiment(
        "exp-1", list(named(steps[0]).items()), coverage_parts=0, phases=[first, *rest]
    )
    seen = [experiment.variant(unit, at=START + index * DAY) for index in range(len(ramp))]
    enrolled = [variant for variant in seen if variant is not None]
    n1 = int(digits_of(salted("exp-1"), str(unit))[:13], 16)
    assert set(enrolled) <= {owner(ranges, n1)}
    assert seen == [None] * (len(seen) - len(enrolled)) + enrolled


@relaxed
@given(chains, units, st.lists(st.integers(0, PARTS), min_size=5, max_size=5))
def test_raising_coverage_with_new_ranges_moves_only_who_must(
    steps: list[list[int]], unit: str | int, coverages: list[int]
) -> None:
    ramp = sorted(coverages)[: len(steps)]
    slow, full = phased(steps, ramp), phased(steps)
    days = [START + index * DAY for index in range(len(steps))]
    seen = [slow.variant(unit, at=day) for day in days]
    everyone = [full.variant(unit, at=day) for day in days]
    left_out = seen.count(None)
    assert seen == [None] * left_out + everyone[left_out:]


@relaxed
@given(chains, units)
def test_the_compiled_form_and_a_pickle_keep_the_ranges(
    steps: list[list[int]], unit: str | int
) -> None:
    experiment = phased(steps)
    at = START + len(steps) * DAY
    for other in (
        Experiment.from_json(experiment.to_json()),
        pickle.loads(pickle.dumps(experiment)),  # noqa: S301 - our own bytes
    ):
        assert other == experiment
        assert assign(other, unit, at=at) == assign(experiment, unit, at=at)
        assert assign(other, unit, at=at).variant == experiment.variant(unit, at=at)


def test_three_to_four_equal_variants_move_a_quarter_of_real_units() -> None:
    experiment = phased([[1, 1, 1, 0], [1, 1, 1, 1]])
    count = 20_000
    pairs = [
        (experiment.variant(unit, at=START), experiment.variant(unit, at=START + DAY))
        for unit in range(count)
    ]
    moved = [pair for pair in pairs if pair[0] != pair[1]]
    assert {new for _, new in moved} == {"v3"}
    # Five standard errors of a quarter of 20,000 units; the hash is fixed.
    assert abs(len(moved) / count - 1 / 4) < 5 * (3 / 16 / count) ** 0.5


def test_the_ranges_of_three_to_four_equal_variants() -> None:
    third, quarter = SPACE // 3, SPACE // 4
    assert fewest_moves(ranges_of(named([1, 1, 1])), named([1, 1, 1, 1])) == {
        "v0": ((0, quarter),),
        "v1": ((third, third + quarter),),
        "v2": ((2 * third, 2 * third + quarter),),
        "v3": (
            (quarter, third),
            (third + quarter, 2 * third),
            (2 * third + quarter, SPACE),
        ),
    }


def test_the_formula_is_kept_where_it_moves_as_few() -> None:
    assert fewest_moves(ranges_of(named([1, 1])), named([3, 1])) == ranges_of(named([3, 1]))


def test_who_shrinks_keeps_its_lowest_numbers_in_whatever_order_they_are_given() -> None:
    quarter = SPACE // 4
    middle = ((quarter, 2 * quarter), (2 * quarter, 3 * quarter))
    outside = ((0, quarter), (3 * quarter, SPACE))
    for given_ranges in (middle, middle[::-1]):
        assert fewest_moves({"a": given_ranges, "b": outside}, {"a": 1, "b": 3}) == {
            "a": ((quarter, 2 * quarter),),
            "b": ((0, quarter), (2 * quarter, SPACE)),
        }


def test_a_variant_that_is_gone_leaves_its_numbers_to_the_others() -> None:
    # v0 had [0, 1/4), v1 [1/4, 1/2) and v2 [1/2, 1); v2 keeps its half, v1 takes the rest.
    found = fewest_moves(ranges_of(named([1, 1, 2])), {"v2": 1, "v1": 1})
    assert found == {"v2": ((SPACE // 2, SPACE),), "v1": ((0, SPACE // 2),)}


def test_what_a_later_phase_keeps_of_the_ranges() -> None:
    swapped = [[(SPACE // 2, SPACE)], [(0, SPACE // 2)]]
    phases = [
        Phase(START, ranges=swapped),
        Phase(START + DAY, 9_000),
        Phase(START + 2 * DAY, weights=[1, 1]),
        Phase(START + 3 * DAY, ranges=swapped),
    ]
    experiment = Experiment("exp-1", [("a", 1), ("b", 1)], phases=phases)
    splits = [experiment.in_force(START + index * DAY)[1] for index in range(4)]
    assert [split.ranges is None for split in splits] == [False, False, True, False]
    assert [split.choose("0" * 64) for split in splits] == ["b", "b", "a", "b"]


def test_touching_ranges_of_one_variant_are_one_step() -> None:
    ranges = {"a": ((5, 9), (0, 5)), "b": ((9, SPACE),), "c": ()}
    assert steps_of(ranges) == [(9, "a"), (SPACE, "b")]


def test_an_experiment_without_ranges_is_compiled_as_before() -> None:
    # Snapshot of what 0.1 wrote: files that services carry must not change.
    experiment = Experiment(
        "winback", [("control", 1), ("coupon", 1)], phases=[Phase(START, 10_000, [1, 3])]
    )
    assert experiment.to_json() == json.dumps(
        {
            "format": "abtest-assignment/v1",
            "formula": "sha256-52",
            "key": "winback",
            "seed": "winback",
            "variants": [{"key": "control", "weight": 1}, {"key": "coupon", "weight": 1}],
            "coverage_parts": 10_000,
            "phases": [
                {"from": "2026-01-05T00:00:00+00:00", "coverage_parts": 10_000, "weights": [1, 3]}
            ],
        },
        indent=2,
    )


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ({"a": ((0, SPACE),)}, ["a has 4503599627370496", "b has 0 of the 2**52 numbers"]),
        ({"a": ((0, 9),), "b": ((5, SPACE),)}, ["b has the range [5, "]),
        ({"a": ((0, 9), (2, 3)), "b": ((9, SPACE),)}, ["a has the range [2, 3], which overlaps"]),
        ({"a": ((1, 9),), "b": ((11, SPACE),)}, [" leave out [0, 1]", " leave out [9, 11]"]),
        ({}, [" leave out [0, 4503599627370496]"]),
        ({"a": ((9, 1),)}, ["a has the range [9, 1], which must end after it starts"]),
    ],
)
def test_every_fault_is_found(ranges: dict[str, Ranges], found: list[str]) -> None:
    texts = [f"{name} {message}" for name, message in range_faults(ranges, {"a": 1, "b": 1})]
    assert len(texts) == len(found)
    for text, start in zip(texts, found, strict=True):
        assert text.startswith(start)
