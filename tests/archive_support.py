"""Experiments with known results, as the archive reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from abtest.analysis.archive.reading import Archived
from abtest.analysis.archive.saved_results import file_of
from abtest.analysis.result import Decision, Record, Result
from abtest.spec import Spec
from abtest.stats.log_lift import log_lift
from abtest.stats.summaries import Proportion
from report.report_fixtures import record, result
from specs import EVENTS, changed, loaded

BASE = loaded(EVENTS).spec


def spec_of(key: str = "winback", **changes: Any) -> Spec:
    """The spec of tests/specs.py with another key and other fields."""
    return BASE.model_copy(update={"key": key, **changes})


def a_record(key: str, control: Proportion, treatment: Proportion, **changes: Any) -> Record:
    """A primary record of two proportions, with the log lift that the analysis gives."""
    found = log_lift(control, treatment)
    fields: dict[str, Any] = {
        "experiment": key,
        "metric": "again",
        "kind": "conversion",
        "contrast": "variant",
        "n": treatment.n,
        "n_control": control.n,
        "value": treatment.value,
        "value_control": control.value,
        "log_lift": found.value if found else None,
        "log_lift_se": found.se if found else None,
    }
    return record(**{**fields, **changes})


def a_result(key: str, records: Sequence[Record], verdict: str = "inconclusive") -> Result:
    """A result around records."""
    decision = Decision.model_validate(
        {"verdict": verdict, "variant": "coupon" if verdict == "ship" else None, "reason": "So."}
    )
    return result(experiment=key, results=list(records), decision=decision)


def archived(key: str, found: Result | None = None, **changes: Any) -> Archived:
    """An experiment as the archive reads it."""
    results = () if found is None else ((f"results/{file_of(found)}", found),)
    fields: dict[str, Any] = {"file": f"{key}/experiment.yaml", "spec": spec_of(key)}
    return Archived(**{**fields, "results": results, **changes})


def simulated(
    rng: np.random.Generator, mean: float, tau: float, experiments: int = 200
) -> list[Archived]:
    """Experiments whose true log lifts are N(mean, tau^2), of 2,000 to 20,000 customers each."""
    found = []
    for place in range(experiments):
        n = int(rng.integers(1000, 10_000))
        rate = float(rng.uniform(0.08, 0.25))
        control = Proportion(n, int(rng.binomial(n, rate)))
        treatment = Proportion(n, int(rng.binomial(n, rate * np.exp(rng.normal(mean, tau)))))
        key = f"test-{place}"
        found.append(archived(key, a_result(key, [a_record(key, control, treatment)])))
    return found


def write_archive(folder: Path, experiments: Sequence[Archived]) -> None:
    """Write experiments as the commands leave them."""
    for one in experiments:
        if one.spec is None:
            continue
        home = folder / one.spec.key
        (home / "results").mkdir(parents=True)
        text = changed(EVENTS, ("key: winback", f"key: {one.spec.key}"))
        (home / "experiment.yaml").write_text(text, encoding="utf-8")
        for name, found in one.results:
            (home / name).write_text(json.dumps(found.to_dict()), encoding="utf-8")
