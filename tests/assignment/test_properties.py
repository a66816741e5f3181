"""What holds for every experiment and every unit."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtest.assignment import Experiment, assign
from abtest.assignment.formula import PARTS, bucket_of, digits_of, salted, thresholds
from abtest.assignment.parts import Holdout, Layer, Phase, Schedule

ALPHABET = "ABCxyz019._-"
salts = st.text(ALPHABET, min_size=1, max_size=64).filter(lambda text: text[0] not in "._-")
units = st.text(min_size=1, max_size=120) | st.integers()
weights = st.lists(st.integers(0, 1_000), min_size=1, max_size=8).filter(any)
parts = st.integers(0, PARTS)
relaxed = settings(deadline=None)  # a busy machine is no fault of the code


def variants_of(numbers: list[int]) -> list[tuple[str, int]]:
    return [(f"v{index}", weight) for index, weight in enumerate(numbers)]


@relaxed
@given(salts, units, weights, parts, parts)
def test_raising_coverage_never_moves_an_enrolled_unit(
    salt: str, unit: str | int, numbers: list[int], one: int, other: int
) -> None:
    low, high = sorted((one, other))
    before = Experiment(salt, variants_of(numbers), coverage_parts=low).variant(unit)
    after = Experiment(salt, variants_of(numbers), coverage_parts=high).variant(unit)
    assert before in (None, after)


@relaxed
@given(salts, units, st.lists(parts, min_size=1, max_size=5))
def test_a_ramp_never_moves_an_enrolled_unit(salt: str, unit: str | int, steps: list[int]) -> None:
    first = datetime(2026, 1, 5, tzinfo=UTC)
    days = [first + timedelta(days=index) for index in range(len(steps))]
    ramp = [Phase(day, step) for day, step in zip(days, sorted(steps), strict=True)]
    experiment = Experiment(salt, variants_of([1, 1, 2]), coverage_parts=0, phases=ramp)
    seen = [experiment.variant(unit, at=day) for day in days]
    enrolled = [variant for variant in seen if variant is not None]
    assert len(set(enrolled)) <= 1
    assert seen == [None] * (len(seen) - len(enrolled)) + enrolled


@relaxed
@given(salts, units, weights, parts)
def test_the_two_ways_in_agree_and_integers_equal_their_digits(
    salt: str, unit: str | int, numbers: list[int], coverage: int
) -> None:
    experiment = Experiment(salt, variants_of(numbers), coverage_parts=coverage)
    found = assign(experiment, unit)
    assert experiment.variant(unit) == found.variant
    assert assign(experiment, str(unit)) == found
    assert (found.reason == "split") == (found.variant is not None)
    assert assign(Experiment.from_json(experiment.to_json()), unit) == found


@relaxed
@given(salts, units, weights, parts)
def test_digits_compare_as_integers_do(
    salt: str, unit: str | int, numbers: list[int], coverage: int
) -> None:
    digits = digits_of(salted(salt), str(unit))
    n1, n2 = int(digits[:13], 16), int(digits[13:26], 16)
    chosen = next(k for k, end in enumerate(thresholds(numbers)) if n1 < end)
    wanted = f"v{chosen}" if n2 < coverage * 2**52 // PARTS else None
    experiment = Experiment(salt, variants_of(numbers), coverage_parts=coverage)
    assert experiment.variant(unit) == wanted


@relaxed
@given(units, parts, parts, st.integers(0, 5_000))
def test_an_override_beats_all_but_the_holdout(
    unit: str | int, coverage: int, share: int, first: int
) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    experiment = Experiment(
        "exp-1",
        variants_of([1, 0]),
        coverage_parts=coverage,
        layer=Layer("lifecycle", [(first, first + 1)]),
        holdout=Holdout("holdout", share),
        overrides={str(unit): "v1"},
        schedule=Schedule(start),
    )
    held = int(digits_of(salted("holdout"), str(unit))[13:26], 16) < share * 2**52 // PARTS
    wanted = (None, "holdout") if held else ("v1", "override")
    assert assign(experiment, unit, at=start - timedelta(days=1))[:2] == wanted


@relaxed
@given(st.lists(st.integers(1, PARTS - 1), max_size=6, unique=True), units)
def test_experiments_of_a_layer_fill_it_and_never_overlap(cuts: list[int], unit: str | int) -> None:
    ends = [0, *sorted(cuts), PARTS]
    ranges = list(itertools.pairwise(ends))
    layers = [Layer("lifecycle", [slots]) for slots in ranges]
    experiments = [Experiment("exp-1", [("a", 1)], layer=layer) for layer in layers]
    reasons = [assign(experiment, unit).reason for experiment in experiments]
    owners = [index for index, reason in enumerate(reasons) if reason == "split"]
    assert set(reasons) <= {"split", "layer"}
    slot = bucket_of(digits_of(salted("lifecycle"), str(unit)))
    assert owners == [index for index, (low, high) in enumerate(ranges) if low <= slot < high]
    assert len(owners) == 1


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=5).filter(any), st.integers(1, PARTS))
def test_weights_and_coverage_are_met_within_binomial_error(
    numbers: list[int], coverage: int
) -> None:
    n = 5_000
    experiment = Experiment("exp-1", variants_of(numbers), coverage_parts=coverage)
    found = [experiment.variant(unit) for unit in range(n)]
    # Derandomised, so a fixed set of about 75 p-values: 1e-6 leaves no room for chance.
    for key, weight in experiment.variants:
        share = coverage / PARTS * weight / sum(numbers)
        assert stats.binomtest(found.count(key), n, share).pvalue > 1e-6
