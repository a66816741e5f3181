"""Blocks that are about the reader's own files, run on files made up for them."""

from __future__ import annotations

import re
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml

from abtest import Experiment, analyze, assign, assign_table
from command_line import SPEC, make_experiment, run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCS = ROOT / "docs"


def indented(page: str, after: str) -> str:
    """The first indented block after these words."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(after)[2]
    found = re.search(r"(?:^ {4}.*\n|^\n(?= {4}))+", text, re.MULTILINE)
    assert found is not None
    return textwrap.dedent(found[0]).strip("\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_weights_that_change(here: Path) -> None:
    page = "how-to/change-weights.md"
    base = yaml.safe_load(SPEC)
    changed = yaml.safe_load(
        indented(page, "among\nthe variants, so every variant needs a weight.")
    )
    old = {**base, "variants": changed["variants"]}
    (here / "old.yaml").write_text(yaml.safe_dump(old), encoding="utf-8")
    (here / "new.yaml").write_text(yaml.safe_dump({**base, **changed}), encoding="utf-8")
    told = run("plan", "--diff", "old.yaml", "new.yaml", "--units", "200000").worked()
    for line in indented(page, "would get another variant if they were asked again:").splitlines():
        assert line in told.out.splitlines()
    ranges = run("plan", "--diff", "old.yaml", "new.yaml", "--write-ranges").worked()
    shown = yaml.safe_load(indented(page, "that reach the unavoidable minimum:"))
    printed = yaml.safe_load(textwrap.dedent(ranges.out[ranges.out.index("ranges:") :]))
    assert printed["ranges"] == shown["ranges"]
    run("plan", "--diff", "old.yaml", "new.yaml", "-o", "planned.yaml").worked()
    run("validate", "planned.yaml").worked()


def test_an_export_of_a_german_shop(here: Path) -> None:
    text = (DOCS / "tutorials" / "from-nothing-to-a-decision.md").read_text(encoding="utf-8")
    words = text.partition("## Your own files")[2]
    [block] = re.findall(r"```yaml\n(.*?)```", words, re.DOTALL)
    told: dict[str, Any] = yaml.safe_load(block)
    spec = yaml.safe_load(SPEC.replace("path: assignments.csv", "path: liste.csv"))
    spec["unit"] = told["unit"]
    spec["data"]["events"] = told["data"]["events"]
    spec["metrics"] = [
        {**one, "window": {"end": "30d", "calendar": True}} for one in spec["metrics"]
    ]
    assigned = ["\ufeffKundennummer;variant;assigned_at"]
    orders = ["\ufeffKundennummer;Datum;Bestellnummer;Betrag"]
    for i in range(60):
        assigned.append(f"{i:04};{'control' if i % 2 else 'کوپن'};2026-01-05 09:00")
        orders.append(f"{i:04};12.01.2026;B{i};1.200,47")
    (here / "liste.csv").write_text("\r\n".join(assigned), encoding="utf-8")
    (here / "bestellungen.csv").write_text("\r\n".join(orders), encoding="utf-8")
    (here / "experiment.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    bought, revenue = analyze("experiment.yaml").results
    assert (bought.n, bought.value) == (30, 1.0)
    assert revenue.value == pytest.approx(1200.47)


def test_frames_of_the_reader(here: Path) -> None:
    spec = make_experiment(here)
    ids = {"customer_id": "str"}
    orders = pd.read_csv(here / "orders.csv", dtype=ids, parse_dates=["ordered_at"])
    assigned = pd.read_csv(here / "assignments.csv", dtype=ids, parse_dates=["assigned_at"])
    names = {"analyze": analyze, "orders": orders, "assigned": assigned}
    line = indented("how-to/choose-an-engine.md", "`engine=` decides otherwise:")
    found = eval(line, names)  # noqa: S307 - our own page
    assert found.to_dict()["results"] == analyze(spec).to_dict()["results"]


def test_the_python_of_the_page_on_lists(here: Path) -> None:
    make_experiment(here)
    page = "how-to/assign-a-list.md"
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    one = indented(page, "in an\napp").splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(one[:-1]), names)  # noqa: S102 - our own page
    wanted = assign(Experiment.from_spec("experiment.yaml"), "C000123", at=at).variant
    assert eval(one[-1], names) == wanted  # noqa: S307
    customers = pd.DataFrame({"customer_id": ["C000123", "7"]})
    names = {"customers": customers}
    exec(indented(page, "## From Python"), names)  # noqa: S102
    frame: pd.DataFrame = names["frame"]
    assert next(iter(frame["variant"])) == wanted
    assert frame.equals(assign_table("experiment.yaml", customers, at="2026-01-05T09:00"))


def test_layers_of_the_page_on_lists(here: Path) -> None:
    page = "how-to/assign-a-list.md"
    text = (DOCS / page).read_text(encoding="utf-8")
    (here / "layers.yaml").write_text(indented(page, "is shared by all experiments:"), "utf-8")
    [words] = re.findall(r"with `(assignment: .*?)` takes the first half", text, re.DOTALL)
    (here / "experiment.yaml").write_text(SPEC + words.replace("\n", " ") + "\n", "utf-8")
    run("validate", "experiment.yaml").worked()
    experiment = Experiment.from_spec("experiment.yaml")
    reasons = [assign(experiment, str(i)).reason for i in range(2000)]
    assert 0.4 < reasons.count("split") / 2000 < 0.55
    assert 0.02 < reasons.count("holdout") / 2000 < 0.08
