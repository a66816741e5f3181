"""The engine of the suites: resuming, judging, writing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from calibration import runner
from calibration.cells import Band, Cell, Claim, Tally, hits, values
from calibration.judge import judged, standard_error
from calibration.page import page
from calibration.runner import Store, Task, run


def coin(rng: np.random.Generator, repeats: int, chance: float = 0.05) -> dict[str, Tally]:
    drawn = rng.random(repeats)
    return {"size": hits(drawn < chance), "mean": values(drawn)}


def cell(chance: float = 0.05, repeats: int = 2500, **settings: str) -> Cell:
    claims = (Claim("size", 0.05, "within"), Claim("mean", 0.5, "within"))
    simulate = partial(coin, chance=chance)
    return Cell("S0", {"coin": chance, **settings}, repeats, simulate, claims)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Runs tasks in this process, and lists them."""
    seen: list[Task] = []

    def run_here(tasks: list[Task], store: Store, *_: object) -> None:
        for task in tasks:
            if task not in store:
                seen.append(task)
                store.keep(task, CELLS[task.key].run_batch(task.place))

    monkeypatch.setattr(runner, "_run", run_here)
    return seen


FAIR, BIASED = cell(), cell(chance=0.08)
CELLS = {FAIR.key: FAIR, BIASED.key: BIASED}


def test_batches_are_the_same_again_and_differ_by_place() -> None:
    assert FAIR.run_batch(0) == FAIR.run_batch(0)
    assert FAIR.run_batch(0) != FAIR.run_batch(1)
    assert [FAIR.run_batch(place)["size"].trials for place in range(3)] == [1000, 1000, 500]


def test_a_fair_coin_holds_and_a_biased_one_is_run_again_and_fails(
    tmp_path: Path, here: list[Task]
) -> None:
    store = Store(tmp_path / "runs.jsonl", "code")
    run([FAIR, BIASED], store, 1)
    assert [v.holds for v in judged(FAIR, store.result(FAIR))] == [True, True]
    assert [v.holds for v in judged(BIASED, store.result(BIASED))] == [False, True]
    assert store.result(BIASED)["size"].trials == 10_000
    assert len(here) == 3 + 3 + 12


def test_what_is_done_is_not_run_again_unless_the_code_changed(
    tmp_path: Path, here: list[Task]
) -> None:
    path = tmp_path / "runs.jsonl"
    run([FAIR], Store(path, "code"), 1)
    whole = Store(path, "code").result(FAIR)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2]) + lines[2][:20])  # killed while writing
    here.clear()
    run([FAIR], Store(path, "code"), 1)
    assert [task.place for task in here] == [2]
    assert Store(path, "code").result(FAIR) == whole
    here.clear()
    run([FAIR], Store(path, "other code"), 1)
    assert len(here) == 3


def test_error_of_hits_is_that_of_the_promise_and_of_a_mean_its_own() -> None:
    assert standard_error(Tally(0, 400), 0.05) == pytest.approx((0.05 * 0.95 / 400) ** 0.5)
    assert standard_error(values([1.0, 3.0]), 2.0) == pytest.approx((1 / 2) ** 0.5)


@pytest.mark.parametrize(
    ("band", "rate", "holds"),
    [
        ("within", 0.05, True), ("within", 0.09, False), ("within", 0.01, False),
        ("at_most", 0.0, True), ("at_most", 0.09, False),
        ("at_least", 0.09, True), ("at_least", 0.01, False),
        ("shown", 0.9, True),
    ],
)  # fmt: skip
def test_bands(band: Band, rate: float, holds: bool) -> None:
    one = Cell("S0", {}, 1, coin, (Claim("size", 0.05, band),))
    (verdict,) = judged(one, {"size": Tally(rate * 1000, 1000)})
    assert verdict.holds is holds


def test_a_promise_about_nothing_does_not_hold() -> None:
    one = Cell("S0", {}, 1, coin, (Claim("size", 0.05, "at_most"),))
    (verdict,) = judged(one, {"size": Tally(0, 0)})
    assert not verdict.holds


def test_page_says_what_is_out_of_band() -> None:
    found = [
        (one, tallies, judged(one, tallies))
        for one in (FAIR, BIASED)
        for tallies in [{"size": Tally(80 if one is BIASED else 50, 1000), "mean": values([0.5])}]
    ]
    text = page(found, "abc1234")
    assert "commit `abc1234`: 2 settings,\n2,000 experiments, 4 promises" in text
    assert "**1 out of band**" in text
    assert "| 0.08 | **8.00%** | 0.5 | 1,000 |" in text
    assert "| 0.05 | 5.00% | 0.5 | 1,000 |" in text
