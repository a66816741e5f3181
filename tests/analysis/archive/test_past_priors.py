"""A spec that takes its prior from the archive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abtest import Result, analyze
from abtest.analysis.archive import archive_of
from abtest.analysis.archive.past_priors import with_past_prior
from abtest.errors import DataError
from abtest.methods.bayes import LogLiftPrior
from abtest.spec import load_spec
from abtest.spec.lock import lock_path, new_lock
from abtest.spec.plan_values import plan_values
from archive_support import simulated
from command_line import make_experiment, run
from specs import faults

FROM = "analysis: {bayes: {prior: {from: ../archive.json}}}\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """An experiment, and beside its folder the archive of 30 others."""
    path = make_experiment(tmp_path / "winback", customers=600)
    with path.open("a", encoding="utf-8") as file:
        file.write(FROM)
    return path


def write(spec: Path, experiments: int = 30) -> LogLiftPrior:
    """Write the archive; gives the prior for messages that are measured by a conversion."""
    found = archive_of(simulated(np.random.default_rng(4), 0.02, 0.05, experiments), "2026-04-01")
    (spec.parent.parent / "archive.json").write_text(found.to_json(), encoding="utf-8")
    (prior,) = found.priors
    return LogLiftPrior(mean=prior.mean, sd=prior.sd)


def without(result: Result) -> list[dict[str, object]]:
    return [record.model_dump() for record in result.results]


def test_the_records_are_those_of_a_spec_that_gives_the_numbers(spec: Path) -> None:
    prior = write(spec)
    found = analyze(spec)
    numbers = f"{{mean: {prior.mean!r}, sd: {prior.sd!r}}}"
    text = spec.read_text("utf-8").replace("from: ../archive.json", f"log_lift: {numbers}")
    other = spec.with_name("other.yaml")
    other.write_text(text, encoding="utf-8")
    assert without(found) == without(analyze(other))
    assert (found.results[0].prior_mean, found.results[0].prior_sd) == (prior.mean, prior.sd)


def test_the_result_says_where_the_prior_is_from(spec: Path) -> None:
    write(spec)
    found = analyze(spec)
    assert found.spec["analysis"]["bayes"]["prior"]["from"] == "../archive.json"
    assert found.spec_fingerprint == load_spec(spec).spec.fingerprint()
    assert "archive" in found.data_fingerprints
    (check,) = [check for check in found.checks if check.key == "prior_from_archive"]
    assert check.status == "pass"
    assert "from 30 past experiments of kind messaging" in check.message


def test_another_archive_is_another_input(spec: Path) -> None:
    write(spec)
    run("analyze", spec).worked()
    write(spec, 25)
    assert "(replaced: changed: the data)" in run("analyze", spec).worked().out


def test_a_frozen_plan_holds_the_archive_s_content(spec: Path) -> None:
    assert "archive.json" in run("freeze", spec, "--on", "2026-01-04").failed()  # there is none
    write(spec)
    run("freeze", spec, "--on", "2026-01-04").worked()
    assert analyze(spec).lock.status == "as_frozen"
    write(spec, 25)
    found = analyze(spec)
    assert (found.exit_code, found.lock.status) == (5, "drifted")
    (change,) = found.lock.changes
    assert (change.path, change.status) == ("analysis.bayes.prior.sha256", "silent")
    assert change.present == found.data_fingerprints["archive"] != change.frozen
    run("amend", spec, "--why", "Five did not count.", "--on", "2026-01-12").worked()
    assert analyze(spec).lock.status == "amended"


def test_a_lock_from_before_holds_its_name_alone(spec: Path) -> None:
    write(spec)
    loaded = load_spec(spec)
    plan = plan_values(loaded.spec)
    lock = new_lock(plan, {}, experiment="winback", frozen_on="2026-01-04", version="0.1.0")
    lock_path(spec).write_text(lock.text(), encoding="utf-8")
    assert analyze(spec).lock.status == "as_frozen"


def test_no_experiment_like_it(spec: Path) -> None:
    write(spec)
    text = spec.read_text("utf-8").replace("kind: messaging", "kind: pricing")
    spec.write_text(text, encoding="utf-8")
    found = analyze(spec)
    (check,) = [check for check in found.checks if check.key == "prior_from_archive"]
    assert check.status == "warn"
    assert (found.results[0].prior_mean, found.results[0].prior_sd) == (0.0, 0.05)


def test_an_experiment_is_not_its_own_prior(spec: Path) -> None:
    write(spec)
    path = spec.parent.parent / "archive.json"
    path.write_text(path.read_text("utf-8").replace('"test-7"', '"winback"'), encoding="utf-8")
    with pytest.raises(DataError, match="--leave-out winback"):
        analyze(spec)


@pytest.mark.parametrize(
    ("text", "told"), [(None, "cannot be read"), ("{", "not JSON"), ('{"schema": "x"}', "`schema`")]
)
def test_an_archive_that_cannot_be_read(spec: Path, text: str | None, told: str) -> None:
    if text is not None:
        (spec.parent.parent / "archive.json").write_text(text, encoding="utf-8")
    assert told in run("analyze", spec).failed()


def test_the_spec_that_asks_for_it(spec: Path) -> None:
    prior = write(spec)
    loaded = load_spec(spec)
    assert faults(spec.read_text("utf-8")) == []
    assert with_past_prior(loaded).analysis.bayes.prior.log_lift == prior
    assert loaded.spec.analysis.bayes.prior.log_lift == LogLiftPrior()
    assert faults(spec.read_text("utf-8").replace("../archive.json", '""'))
    text = spec.read_text("utf-8").replace(FROM, "")
    spec.write_text(text, encoding="utf-8")
    plain = load_spec(spec)
    assert with_past_prior(plain) is plain.spec


def test_the_command_leaves_out_whoever_will_use_it(spec: Path) -> None:
    text = spec.read_text("utf-8")
    spec.write_text(text.replace(FROM, ""), encoding="utf-8")
    run("analyze", spec).worked()
    home = spec.parent.parent
    target = home / "archive.json"
    run("archive", home, "-o", target, "--leave-out", "winback").worked()
    assert json.loads(target.read_text("utf-8"))["priors"] == []
    spec.write_text(text, encoding="utf-8")
    run("analyze", spec).worked()


def test_the_archive_is_an_input(spec: Path) -> None:
    write(spec)
    target = spec.parent.parent / "archive.json"
    before = target.read_bytes()
    assert "is an input" in run("analyze", spec, "-f", "json", "-o", target).failed()
    assert target.read_bytes() == before
