"""What the tests of the examples share: their results, and the table that each README shows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import make_data
from abtest import analyze
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from abtest import Result
    from abtest.analysis.result import Record
    from abtest.spec import Spec

EXPERIMENTS = ROOT / "experiments"
EXAMPLES = {example.folder: example for example in make_data.EXAMPLES}

Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Story:
    """One example: what was planted, what came out, what its README says."""

    folder: Path
    spec: Spec
    result: Result
    planted: dict[str, tuple[float, ...]]

    @property
    def readme(self) -> str:
        """The README with its line breaks taken out."""
        return " ".join((self.folder / "README.md").read_text(encoding="utf-8").split())

    @property
    def lines(self) -> list[str]:
        """The README line by line."""
        return (self.folder / "README.md").read_text(encoding="utf-8").splitlines()

    def truth(self, record: Record) -> tuple[float, float]:
        """The planted values of control and of the record's variant."""
        names = [variant.key for variant in self.spec.variants or ()]
        values = self.planted[record.metric]
        return values[0], values[names.index(record.variant)]

    def record(self, metric: str, variant: str | None = None) -> Record:
        """One metric's record; of the last variant where none is named."""
        found = [r for r in self.result.results if r.metric == metric]
        return next(r for r in found if r.variant == (variant or found[-1].variant))


def counting_everyone(told: Story, as_of: str) -> Record:
    """The primary metric as a careless analyst has it: who cannot have come back yet is lost."""
    spec = told.spec.to_dict()
    spec |= {"metrics": [{**spec["metrics"][0], "maturity": "all"}], "plan": None}
    tables = {"assignments": str(told.folder / "assignments.csv")}
    tables |= {name: str(told.folder / table.path) for name, table in told.spec.data.events.items()}
    return analyze(spec, data=tables, as_of=as_of).results[0]


@cache
def story(name: str) -> Story:
    """Analyse one example, once."""
    example = EXAMPLES[name]
    folder = EXPERIMENTS / name
    result = analyze(folder / "experiment.yaml")
    return Story(folder, make_data.spec_of(example), result, make_data.planted(example))


def rows_of(text: str) -> Rows:
    """A CSV file as one mapping per row."""
    return list(csv.DictReader(io.StringIO(text)))


def results_table(told: Story) -> list[str]:
    """The lines of the table that the README shows."""
    lines = [
        "| metric | variant | control | variant's value | lift | 95% interval | planted lift |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for record in told.result.results:
        control, truth = told.truth(record)
        cells = [
            record.metric,
            record.variant,
            number(record.value_control, record.kind),
            number(record.value, record.kind),
            percent(record.lift),
            f"{percent(record.lift_ci_low)} to {percent(record.lift_ci_high)}",
            percent(truth / control - 1),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def number(value: float | None, kind: str) -> str:
    """A value as a share, an amount or a count."""
    if value is None:
        return ""
    if kind == "count":
        return f"{value:.3f}"
    return f"{value:,.2f}" if kind in ("sum", "ratio") else f"{value:.2%}"


def percent(lift: float | None) -> str:
    """A lift with its sign."""
    # Adding 0 turns the -0.0 of a rounding error into 0.0.
    return "" if lift is None else f"{round(lift, 12) + 0.0:+.1%}"
