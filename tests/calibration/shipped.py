"""From sufficient statistics to what the shipped analysis says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from abtest.analysis.population import Population
from abtest.analysis.records import Comparer
from abtest.analysis.result import Record
from abtest.analysis.summaries import MetricCounts
from abtest.spec import Spec
from abtest.spec.cells import with_cells
from abtest.spec.load import draft_mapping
from abtest.stats.comparison import Comparison
from abtest.stats.summaries import Summary

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

METRIC = "outcome"
KINDS = {"share": "proportion", "mean": "mean"}


def spec_of(
    metrics: Sequence[Mapping[str, Any]],
    weights: Sequence[int] = (1, 1),
    **more: Any,
) -> Spec:
    """An experiment on columns: control and so many treatments; weights are planned."""
    variants = [
        {"key": name, "weight": weight, "control": place == 0}
        for place, (name, weight) in enumerate(zip(variant_names(weights), weights, strict=True))
    ]
    mapping: dict[str, Any] = {
        "spec": "abtest/v1",
        "key": "calibration",
        "kind": "messaging",
        "unit": "id",
        "variants": variants,
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [{"column": metric["key"], **metric} for metric in metrics],
    }
    return with_cells(draft_mapping(mapping | more).require().spec)


def variant_names(weights: Sequence[int]) -> list[str]:
    """Control and the treatments, by place."""
    return ["control", *(f"v{place}" for place in range(1, len(weights)))]


@cache
def single(kind: str, weights: tuple[int, ...]) -> Spec:
    """One primary metric, everything else by default."""
    return spec_of([{"key": METRIC, "kind": KINDS[kind], "role": "primary"}], weights)


def comparer(spec: Spec, summaries: Mapping[tuple[str, str], Summary]) -> Comparer:
    """What `analyze` compares, from the summaries on."""
    keys = [variant.key for variant in spec.variants or ()]
    counts = {place: MetricCounts(0, 0, 0, summary) for place, summary in summaries.items()}
    first = spec.metrics[0].key
    assigned = {key: summaries[first, key].n for key in keys}
    return Comparer(spec, Population(_nobody(), assigned, sum(assigned.values())), counts, {})


def records(
    spec: Spec, summaries: Mapping[tuple[str, str], Summary]
) -> tuple[Comparer, tuple[Record, ...]]:
    """Comparer and its records, adjusted for several comparisons."""
    made = comparer(spec, summaries)
    return made, made.records()


def compared(spec: Spec, control: Summary, treatment: Summary) -> Comparison:
    """The one contrast of a spec with one metric and two variants, by the method of `analyze`."""
    made = comparer(spec, {(METRIC, "control"): control, (METRIC, "v1"): treatment})
    (contrast,) = made.contrasts_of(spec.metrics[0])
    return contrast.comparison


def held(comparisons: Iterable[Comparison], difference: float, lift: float | None) -> Any:
    """Which intervals hold the truth: two columns, of the difference and of the lift."""
    return np.array(
        [
            (
                one.difference_ci is not None and difference in one.difference_ci,
                lift is not None and one.lift_ci is not None and lift in one.lift_ci,
            )
            for one in comparisons
        ]
    )


@cache
def _nobody() -> nw.LazyFrame[Any]:
    return nw.from_native(pd.DataFrame()).lazy()  # everything is added up already
