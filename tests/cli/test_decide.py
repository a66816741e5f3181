"""abtest decide, and the results that abtest analyze keeps."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from abtest.analysis.archive.decisions import Recommendation as Said
from abtest.analysis.archive.decisions import is_against, read_decisions
from abtest.analysis.archive.saved_results import file_of, saved_results
from abtest.analysis.result import Result
from abtest.analysis.result_file import read_result
from abtest.errors import DataError
from command_line import make_experiment, run
from report.report_fixtures import result as a_result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_experiment(tmp_path_factory.mktemp("made"), customers=600)


@pytest.fixture
def spec(made: Path, tmp_path: Path) -> Path:
    """A spec whose result ships the coupon."""
    folder = tmp_path / "my experiment"
    shutil.copytree(made.parent, folder)
    return folder / made.name


def saved(spec: Path) -> Path:
    return spec.parent / "results" / "2026-03-01.json"


def change(spec: Path, old: str, new: str) -> None:
    text = spec.read_text(encoding="utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), encoding="utf-8")


# results


def test_the_table_keeps_the_result(spec: Path) -> None:
    found = run("analyze", spec, "--no-report").worked()
    assert f"Result: {saved(spec)}\n" in found.out
    assert saved(spec).read_text("utf-8") == run("analyze", spec, "-f", "json").worked().out
    assert read_result(saved(spec)).decision.verdict == "ship"


def test_the_same_bytes_are_left_alone(spec: Path) -> None:
    run("analyze", spec).worked()
    os.utime(saved(spec), (1, 1))
    assert "(as before)" in run("analyze", spec).worked().out
    assert saved(spec).stat().st_mtime == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("experiment.yaml", "kind: messaging", "kind: pricing", "the spec"),
        ("orders.csv", "10.50", "11.50", "the data"),
    ],
)
def test_other_inputs_replace_it(spec: Path, file: str, old: str, new: str, what: str) -> None:
    run("analyze", spec).worked()
    change(spec.parent / file, old, new)
    assert f"(replaced: changed: {what})" in run("analyze", spec).worked().out
    assert saved(spec).read_text("utf-8") == run("analyze", spec, "-f", "json").worked().out


def test_other_numbers_from_the_same_inputs_are_not_believed(spec: Path) -> None:
    run("analyze", spec).worked()
    data = json.loads(saved(spec).read_text("utf-8"))
    data["results"][0]["pvalue"] += 1e-9
    saved(spec).write_text(json.dumps(data), encoding="utf-8")
    before = saved(spec).read_bytes()
    assert "is kept, although the numbers differ" in run("analyze", spec).worked().out
    assert saved(spec).read_bytes() == before
    assert "(replaced: on request)" in run("analyze", spec, "--save").worked().err
    assert saved(spec).read_bytes() != before


def test_a_frozen_plan_replaces_it(spec: Path) -> None:
    run("analyze", spec).worked()
    run("freeze", spec).worked()
    assert "(replaced: changed: the frozen plan)" in run("analyze", spec).worked().out


def test_when_nothing_is_kept(spec: Path) -> None:
    run("analyze", spec, "--no-save").worked()
    run("analyze", spec, "-f", "json").worked()
    run("analyze", spec, "-o", spec.parent / "table.txt").worked()
    assert not saved(spec).parent.exists()
    found = run("analyze", spec, "-f", "json", "--save").worked()
    assert json.loads(found.out)["experiment"] == "winback"
    assert f"Result: {saved(spec)}" in found.err


def test_a_result_of_another_experiment_is_kept(spec: Path) -> None:
    run("analyze", spec).worked()
    before = saved(spec).read_bytes()
    change(spec, "key: winback", "key: winback-2")
    change(spec, "unit: customer_id", "unit: customer_id\nassignment: {seed: winback}")
    assert "Not saved: " in run("analyze", spec).worked().err
    assert "of 'winback', not of 'winback-2'" in run("analyze", spec, "--save").failed()
    assert saved(spec).read_bytes() == before


def test_two_specs_in_a_folder_keep_nothing_there(spec: Path) -> None:
    """One is another version with the same key, or neither is called experiment.yaml."""
    other = spec.with_name("experiment_v2.yaml")
    shutil.copy(spec, other)
    run("analyze", spec).worked()  # experiment.yaml is the folder's own
    before = saved(spec).read_bytes()
    change(other, "window: {end: 30d}", "window: {end: 20d}")
    told = f"would not be {other.name}'s alone: beside it is experiment.yaml"
    assert told in run("analyze", other, "--save").failed()
    assert f"Not saved: {saved(spec).parent} {told}" in run("analyze", other).worked().err
    assert told in run("decide", other, "--verdict", "ship").failed()
    assert saved(spec).read_bytes() == before
    named = spec.rename(spec.with_name("a.yaml"))
    for one, beside in ((named, other.name), (other, "a.yaml")):
        assert (
            f"{one.name}'s alone: beside it is {beside}" in run("decide", one, "--abandon").failed()
        )
    assert not spec.with_name("decision.json").exists()


def test_a_foreign_file_is_not_written_over(spec: Path) -> None:
    saved(spec).parent.mkdir()
    saved(spec).write_text("my notes", encoding="utf-8")
    assert "is not JSON" in run("analyze", spec, "--save").failed()
    assert "Not saved" in run("analyze", spec).worked().err
    assert saved(spec).read_text("utf-8") == "my notes"


def test_a_folder_that_cannot_be_made(spec: Path) -> None:
    (spec.parent / "results").write_text("", encoding="utf-8")
    assert "results cannot be made" in run("analyze", spec, "--save").failed()
    assert "Not saved" in run("analyze", spec).worked().err


@pytest.mark.parametrize(
    ("as_of", "name"),
    [
        (None, "undated.json"),
        ("2026-03-01T00:00:00+01:00", "2026-03-01.json"),
        ("2026-03-01T09:30:00+03:30", "2026-03-01T093000+0330.json"),
        ("2026-03-01T09:30:00.000001+00:00", "2026-03-01T093000.000001+0000.json"),
    ],
)
def test_names(as_of: str | None, name: str) -> None:
    assert file_of(a_result(as_of=as_of)) == name


def test_results_are_in_the_order_of_time_and_others_are_named(tmp_path: Path) -> None:
    home = tmp_path / "results"
    home.mkdir()
    for as_of in ("2026-03-01T00:00:00+01:00", "2026-02-28T23:30:00+00:00", None):
        found = a_result(as_of=as_of)
        (home / file_of(found)).write_text(json.dumps(found.to_dict()), encoding="utf-8")
    (home / "copy.json").write_text(json.dumps(a_result().to_dict()), encoding="utf-8")
    (home / "list.json").write_text("[]", encoding="utf-8")
    (home / "other.json").write_text('{"schema": "x/v9"}', encoding="utf-8")
    (home / "short.json").write_text('{"schema": "abtest-result/v1"}', encoding="utf-8")
    (home / "bytes.json").write_bytes(b"\xff")
    (home / "folder").mkdir()
    results, faults = saved_results(tmp_path)
    names = ["undated.json", "2026-03-01.json", "2026-02-28T233000+0000.json"]
    assert list(results) == [f"results/{name}" for name in names]
    for name, part in {
        "copy.json": "holds the result that is called 2026-03-01.json",
        "list.json": "is not a result: it has no `schema`",
        "other.json": "`schema` is 'x/v9'; this version of abtest reads 'abtest-result/v1'",
        "short.json": "field required (and",
        "bytes.json": "is not UTF-8 text",
        "folder": "cannot be read",
    }.items():
        assert [part in told for path, told in faults if path.name == name] == [True]


# decisions


def decisions(spec: Path) -> list[dict[str, Any]]:
    found = json.loads((spec.parent / "decision.json").read_text("utf-8"))
    assert found["schema"] == "abtest-decisions/v1"
    return found["decisions"]  # type: ignore[no-any-return]


def test_a_decision_as_recommended_needs_no_reason(spec: Path) -> None:
    run("analyze", spec).worked()
    found = run("decide", spec, "--verdict", "ship", "--on", "2026-03-04").worked()
    assert found.out.startswith("Decided on 2026-03-04: ship کوپن.\nWrote ")
    (only,) = decisions(spec)
    assert (only["verdict"], only["variant"], only["against"]) == ("ship", "کوپن", False)
    assert only["recommended"]["result"] == "results/2026-03-01.json"
    again = run("decide", spec, "--verdict", "ship", "--on", "2026-03-04").worked()
    assert "Already in " in again.out
    assert len(decisions(spec)) == 1


def test_against_the_recommendation_needs_a_reason(spec: Path) -> None:
    run("analyze", spec).worked()
    told = run("decide", spec, "--verdict", "rollback").failed(2)
    assert "against the recommendation" in told
    assert not (spec.parent / "decision.json").exists()
    run("decide", spec, "--verdict", "rollback", "--why", "  ").failed(2)
    found = run("decide", spec, "--verdict", "rollback", "--why", "too dear", "--by", "Ana")
    assert "against the recommendation (ship کوپن), because: too dear." in found.worked().out


def test_the_history_only_grows(spec: Path) -> None:
    run("analyze", spec).worked()
    run("decide", spec, "--verdict", "ship", "--on", "2026-03-04").worked()
    first = decisions(spec)
    run("decide", spec, "--abandon", "--why", "shop closed", "--on", "2026-03-05").worked()
    assert decisions(spec)[:1] == first
    assert [one["verdict"] for one in decisions(spec)] == ["ship", "abandoned"]
    assert read_decisions(spec.parent) is not None


def test_the_day_of_a_decision(spec: Path) -> None:
    """It has come, and lies neither before the freeze nor before the last decision."""
    run("freeze", spec, "--on", "2026-01-04").worked()
    run("analyze", spec).worked()
    decide = ("decide", spec, "--verdict", "ship", "--on")
    assert "that day has not come yet" in run(*decide, "2999-01-01").failed(2)
    assert "before the plan was frozen (2026-01-04)" in run(*decide, "2026-01-03").failed()
    run(*decide, "2026-03-04").worked()
    run(*decide, "2026-03-04").worked()  # the same once more
    told = run("decide", spec, "--abandon", "--why", "x", "--on", "2026-03-03").failed()
    assert "before the last decision (2026-03-04)" in told
    assert len(decisions(spec)) == 1


def test_the_reason_is_asked_for_on_a_terminal(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("analyze", spec).worked()

    class Terminal:
        lines = iter(["\n", "legal said no\n"])

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(Terminal.lines))
    run("decide", spec, "--verdict", "neutral").worked()
    assert decisions(spec)[0]["why"] == "legal said no"


def test_no_result_no_decision_but_an_end(spec: Path) -> None:
    told = run("decide", spec, "--verdict", "ship").failed()
    assert "holds no result of 'winback' to decide on" in told
    run("decide", spec, "--abandon").failed(2)
    run("decide", spec, "--abandon", "--why", "no stock").worked()
    assert decisions(spec)[0]["recommended"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "either --verdict or --abandon"),
        (["--verdict", "ship", "--abandon"], "either --verdict or --abandon"),
        (["--verdict", "maybe"], "maybe"),
        (["--verdict", "ship", "--variant", "control"], "it must be"),
        (["--verdict", "ship", "--on", "yesterday"], "it must be a date"),
    ],
)
def test_wrong_usage(spec: Path, arguments: list[str], told: str) -> None:
    run("analyze", spec).worked()
    assert told in run("decide", spec, *arguments).failed(2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ('{"schema": "abtest-decisions/v1", "experiment": "other"}', "decisions on 'other'"),
    ],
)
def test_a_broken_history_is_not_written_over(spec: Path, text: str, told: str) -> None:
    run("analyze", spec).worked()
    (spec.parent / "decision.json").write_text(text, encoding="utf-8")
    assert told in run("decide", spec, "--verdict", "ship").failed()
    assert (spec.parent / "decision.json").read_text("utf-8") == text


def test_a_broken_result_may_be_the_newest(spec: Path) -> None:
    run("analyze", spec).worked()
    (spec.parent / "results" / "2026-04-01.json").write_text("{", encoding="utf-8")
    assert "it may be the newest result" in run("decide", spec, "--verdict", "ship").failed()


def test_several_variants_must_be_named(spec: Path) -> None:
    found = read_result_of(spec)
    data = found.to_dict()
    data["decision"] = {"verdict": "inconclusive", "reason": "Not clear."}
    saved(spec).write_text(json.dumps(data), encoding="utf-8")
    change(spec, "  - {key: کوپن", "  - {key: gift, weight: 0}\n  - {key: کوپن")
    told = run("decide", spec, "--verdict", "ship", "--why", "x").failed(2)
    assert "needs --variant" in told
    run("decide", spec, "--verdict", "ship", "--variant", "gift", "--why", "x").worked()


def read_result_of(spec: Path) -> Result:
    run("analyze", spec).worked()
    return read_result(saved(spec))


@pytest.mark.parametrize(
    ("verdict", "variant", "said", "against"),
    [
        ("ship", "b", ("ship", "b"), False),
        ("ship", "c", ("ship", "b"), True),
        ("rollback", None, ("ship", "b"), True),
        ("rollback", None, ("rollback", "b"), False),
        ("ship", "b", ("inconclusive", None), True),
        ("inconclusive", None, ("invalid", None), False),
        ("ship", "b", ("invalid", None), True),
        ("ship", "b", (None, None), False),
        ("abandoned", None, ("ship", "b"), False),
        ("ship", "b", None, False),
    ],
)
def test_what_is_against_the_recommendation(
    verdict: Any, variant: str | None, said: Any, against: bool
) -> None:
    told = said and Said(result="r", verdict=said[0], variant=said[1], reason="r")
    assert is_against(verdict, variant, told) is against


def test_decisions_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "decision.json").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_decisions(tmp_path)


def test_every_report_says_what_was_decided(spec: Path) -> None:
    told = "against the recommendation (ship کوپن), because: <i>too dear</i>."
    run("analyze", spec).worked()
    kept = saved(spec).read_bytes()
    why = ("--why", "<i>too dear</i>", "--on", "2026-03-04")
    run("decide", spec, "--verdict", "rollback", *why).worked()
    assert told in " ".join(run("analyze", spec).worked().out.split())
    page = spec.with_suffix(".report.html").read_text("utf-8")
    assert "because: &lt;i&gt;too dear&lt;/i&gt;." in page
    for source in (("analyze", spec, "--no-save"), ("report", saved(spec))):
        for form in ("table", "md", "html"):
            shown = run(*source, "-f", form).worked().out
            assert "Decided on 2026" in shown.replace("\\", ""), (source, form)
    assert saved(spec).read_bytes() == kept
    assert run("report", saved(spec), "-f", "json").worked().out.encode() == kept


def test_a_broken_decision_does_not_hide_what_was_found(spec: Path) -> None:
    (spec.parent / "decision.json").write_text("{", encoding="utf-8")
    assert "decision.json is not JSON" in " ".join(run("analyze", spec).worked().out.split())
