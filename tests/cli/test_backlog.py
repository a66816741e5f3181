"""abtest backlog: what to try next, from the file to the table."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from scipy import stats

from abtest.analysis.archive.model import Archive, Entry, PastPrior
from abtest.analysis.backlog import RankedBacklog, rank_backlog
from abtest.errors import SpecError
from abtest.spec.backlog import load_backlog
from command_line import run

PAGE = (Path(__file__).parents[2] / "docs/how-to/keep-a-backlog.md").read_text(encoding="utf-8")
YAML = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
assert YAML is not None
BACKLOG = YAML.group(1)


def written(folder: Path, text: str = BACKLOG) -> Path:
    path = folder / "backlog.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def archive(*experiments: Entry, priors: tuple[PastPrior, ...] = ()) -> Archive:
    return Archive(
        on="2026-05-01",
        abtest_version="0",
        ci_level=0.95,
        experiments=experiments,
        kinds=(),
        pools=(),
        lifts=(),
        priors=priors,
    )


def prior(**changes: object) -> PastPrior:
    fields = {
        "kind": "messaging",
        "metric_kind": "repeat_purchase",
        "desired_change": "increase",
        "mean": 0.01,
        "sd": 0.04,
        "k": 12,
        "experiments": ("past",),
        "how": "shrunk",
    }
    return PastPrior.model_validate({**fields, **changes})


def ranked(folder: Path, text: str = BACKLOG, past: Archive | None = None) -> RankedBacklog:
    return rank_backlog(load_backlog(written(folder, text)), past or archive())


def test_expected_value_a_week(tmp_path: Path) -> None:
    first, second = ranked(tmp_path).hypotheses
    chance = stats.norm.sf(math.log(1.02) / 0.05)
    assert (first.hypothesis, first.rank) == ("reminder-sms", 1)
    assert first.probability == pytest.approx(float(chance))
    assert first.source == "default"
    assert first.per_week == pytest.approx((chance * 60_000 - 4000) / 9)
    assert second.source == "backlog"
    assert second.per_week == pytest.approx(15_000 / 10)


def test_past_experiments_say_how_likely_it_is(tmp_path: Path) -> None:
    found = ranked(tmp_path, past=archive(priors=(prior(mean=-0.05),)))
    told = {one.hypothesis: one for one in found.hypotheses}["reminder-sms"]
    assert told.probability == pytest.approx(stats.norm.sf((math.log(1.02) + 0.05) / 0.04))
    assert (told.source, told.past, told.rank) == ("archive", 12, 2)


def test_a_fall_that_is_wanted(tmp_path: Path) -> None:
    text = BACKLOG.replace("needs: 0.02", "desired_change: decrease\n    needs: 0.02")
    past = archive(priors=(prior(desired_change="decrease"),))
    told = {one.hypothesis: one for one in ranked(tmp_path, text, past).hypotheses}
    chance = stats.norm.cdf((math.log(0.98) - 0.01) / 0.04)
    assert told["reminder-sms"].probability == pytest.approx(float(chance))


@pytest.mark.parametrize(
    ("state", "rank"), [("draft", 1), ("frozen", 1), ("enrolling", None), ("decided", None)]
)
def test_what_is_tried_leaves_the_ranking(tmp_path: Path, state: str, rank: int | None) -> None:
    text = BACKLOG.replace("weeks: 9 ", "experiment: sms\n    weeks: 9 ")
    entry = Entry.model_validate(
        {"experiment": "sms", "file": "sms/experiment.yaml", "state": state, "frozen": False}
    )
    found = ranked(tmp_path, text, archive(entry))
    told = {one.hypothesis: one for one in found.hypotheses}["reminder-sms"]
    assert told.rank == rank
    assert found.drafts == ()


def test_drafts_and_reasons_that_nothing_is_about(tmp_path: Path) -> None:
    entry = Entry(experiment="old", file="old/experiment.yaml", state="draft", frozen=False)
    found = ranked(tmp_path, past=archive(entry))
    assert found.drafts == ("old",)
    assert [one.reason for one in found.open_reasons] == ["taste"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("reason: forgot", "reason: forgt", r"backlog\.yaml:9: .*'forgt', which is no reason"),
        ("key: free-shipping", "key: reminder-sms", "is 'reminder-sms' again"),
        ("needs:", "nees:", r"nees: unknown key"),
        ("value: 60000", "value: -1", r"backlog\.yaml:13: "),
    ],
)
def test_faults_have_lines(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_backlog(written(tmp_path, BACKLOG.replace(old, new, 1)))


def test_the_command(tmp_path: Path) -> None:
    written(tmp_path)
    shown = run("backlog", tmp_path, "--on", "2026-05-01")
    assert shown.code == 0
    assert shown.out.startswith("Try reminder-sms first: A reminder by SMS")
    assert "They did not like it (10% of those who left)" in shown.out
    told = run("backlog", tmp_path, "--on", "2026-05-01", "-f", "json")
    assert json.loads(told.out)["schema"] == "abtest-backlog/v1"


def test_no_backlog(tmp_path: Path) -> None:
    found = run("backlog", tmp_path)
    assert found.code == 1
    assert "has no backlog.yaml" in found.err
