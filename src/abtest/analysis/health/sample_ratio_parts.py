"""Where a split went wrong: by day of enrolment and by attribute, and after each later step."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from abtest.analysis.result import Check
from abtest.analysis.strata import entry_weights
from abtest.instants import epoch_day, from_microseconds
from abtest.metrics.base import EventMetric
from abtest.metrics.ratio import RatioMetric
from abtest.metrics.survey import SurveyMetric
from abtest.sentences import joined, sentence
from abtest.stats.families.procedures import adjust
from abtest.stats.health.balance import independence
from abtest.stats.health.sample_ratio import exact_split_pvalue, sample_ratio, summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Found
    from abtest.metrics.base import Metric
    from abtest.spec import Spec

MOST_NAMED = 3
EXACT_BELOW = 2000
_EPOCH = date(1970, 1, 1)
_STEPS = {
    "exposed": sentence("exposed"),
    "eligible": sentence("eligible"),
    "mature": sentence("mature"),
    "observed": sentence("observed"),
}
Part = tuple[str, list[int], float | None]
"""A part's name, its counts by variant, and its p-value."""


def sample_ratio_parts(spec: Spec, population: Population, found: Found) -> Check | None:
    """Days of enrolment and values of attributes in which the split is not what was planned.

    Each is held against the weights that ran when its units entered, and Holm's correction is taken
    over all days, and over all values of all attributes. A split that is right on the whole may
    still hide two faults that cancel out.
    """
    if spec.control is None or population.clusters is not None or len(spec.variants or ()) < 2:
        return None
    families = {"day": list(_days(spec, found)), "attribute": list(_attributes(spec, found))}
    off: list[tuple[Part, float]] = []
    for parts in families.values():
        adjusted = adjust([pvalue for _, _, pvalue in parts], "holm")
        off += [
            (part, pvalue)
            for part, pvalue in zip(parts, adjusted, strict=True)
            if pvalue is not None and pvalue < spec.analysis.sample_ratio_alpha
        ]
    if not off:
        return None
    keys = [variant.key for variant in spec.variants or ()]
    off.sort(key=lambda one: one[1])
    named = [
        sentence(
            "{part} ({counts}; adjusted p = {pvalue:.3g})",
            part=name,
            counts=joined(", ", [_count(key, n) for key, n in zip(keys, counts, strict=True)]),
            pvalue=pvalue,
        )
        for (name, counts, _), pvalue in off[:MOST_NAMED]
    ]
    return Check(
        key="sample_ratio_parts",
        status="warn",
        message=sentence(
            "The split is off in {n} of {total} parts: {named}.",
            n=len(off),
            total=sum(map(len, families.values())),
            named=joined("; ", named),
        ),
        hint=sentence("What was special there: a release, a form, a country, a broken log?"),
        details={
            "variants": keys,
            "parts": [
                {"part": name, "counts": counts, "pvalue": pvalue, "pvalue_adjusted": adjusted}
                for (name, counts, pvalue), adjusted in off
            ],
        },
    )


def _days(spec: Spec, found: Found) -> Iterator[Part]:
    """Each day against the weights that were in force; days on which these changed are left out."""
    if len(found.days) < 2:
        return
    entries = entry_weights(spec)
    keys = [variant.key for variant in spec.variants or ()]
    zone = spec.schedule.timezone
    changes = [
        (epoch_day(from_microseconds(start, zone)), weights)
        for start, weights in entries
        if start is not None
    ]
    for day, counts in found.days.items():
        if day in (since for since, _ in changes):
            continue
        weights = entries[0][1]
        for since, later in changes:
            weights = later if day > since else weights
        row = [counts.get(key, 0) for key in keys]
        yield _iso(day), row, _pvalue(row, [weights[key] for key in keys])


def _attributes(spec: Spec, found: Found) -> Iterator[Part]:
    """Each value's units against the weights under which each of them entered."""
    weights = [entry for _, entry in entry_weights(spec)]
    keys = [variant.key for variant in spec.variants or ()]
    for slice_ in found.segments:
        for value, counts in slice_.assigned.items():
            name, row = f"{slice_.name}={value}", [counts[key] for key in keys]
            if len(weights) == 1:
                yield name, row, _pvalue(row, [weights[0][key] for key in keys])
                continue
            tests = [
                sample_ratio([entered[key] for key in keys], [shares[key] for key in keys])
                for entered, shares in zip(slice_.by_entry[value], weights, strict=True)
            ]
            yield name, row, summed(tests).pvalue


def _pvalue(counts: list[int], weights: list[int]) -> float | None:
    """By the chi-square; in small parts of two variants exactly.

    Each of many parts is held against a small share of alpha. That far out the chi-square of some
    hundred units is small too often, by a third.
    """
    units = sum(counts)
    if len(counts) == 2 and 0 < units < EXACT_BELOW and all(weights):
        return exact_split_pvalue(counts[0], units, weights[0] / sum(weights))
    return sample_ratio(counts, weights).pvalue


def _count(key: str, n: int) -> str:
    return sentence("{variant} {n:,}", variant=key, n=n)


def _iso(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def late_sample_ratio(spec: Spec, population: Population, found: Found) -> Check | None:
    """Whether the variants keep their shares from step to step: exposed, mature, observed.

    For each metric the units that a step keeps are compared with those that it drops; Holm over
    all. Where the weights changed, entry and maturity hang together and only what is missing is
    tested. Surveys are left out: who answers has a check of its own.
    """
    keys = [variant.key for variant in spec.variants or ()]
    if spec.control is None or len(keys) < 2 or population.clusters is not None:
        return None
    rows = [
        (metric.key, step, table)
        for metric in spec.metrics
        if not isinstance(metric, SurveyMetric)
        for step, table in _steps(metric, keys, found)
        if not (population.by_entry and step != "observed")
    ]
    tests = [independence(table) for _, _, table in rows]
    adjusted = adjust([test.pvalue for test in tests], "holm")
    alpha = spec.analysis.sample_ratio_alpha
    off: list[dict[str, Any]] = [
        {"metric": metric, "step": step, "kept": dict(zip(keys, table, strict=True)), "p": pvalue}
        for (metric, step, table), pvalue in zip(rows, adjusted, strict=True)
        if pvalue is not None and pvalue < alpha
    ]
    if not off:
        return None
    named = [
        sentence(
            "{metric}, {step}: {shares}, adjusted p = {pvalue:.3g}",
            metric=one["metric"],
            step=_STEPS[one["step"]],
            shares=joined(", ", [_share(key, kept) for key, kept in one["kept"].items()]),
            pvalue=one["p"],
        )
        for one in off[:MOST_NAMED]
    ]
    return Check(
        key="late_sample_ratio",
        status="warn",
        message=sentence(
            "The split was right, but the variants lose units at different rates: {named}.",
            named=joined("; ", named),
        ),
        hint=sentence("If the treatment decides who is counted, the comparison is biased."),
        details={"steps": [{**one, "pvalue_adjusted": one.pop("p")} for one in off]},
    )


def _share(key: str, kept: list[int]) -> str:
    return sentence("{variant} {share:.2%}", variant=key, share=kept[0] / max(sum(kept), 1))


def _steps(metric: Metric, keys: list[str], found: Found) -> Iterator[tuple[str, list[list[int]]]]:
    """What a step kept and dropped, by variant."""
    counts = [found.summaries[metric.key, key] for key in keys]
    seen = [one.n + one.missing for one in counts]
    if isinstance(metric, EventMetric) and metric.anchor_stream is not None:
        if metric.anchor_stream != metric.events:  # an exposure: nobody should be kept from it
            yield (
                "exposed",
                [[n + c.immature, c.ineligible] for n, c in zip(seen, counts, strict=True)],
            )
        return  # what comes after it may be the effect itself
    if isinstance(metric, RatioMetric) and any(c.ineligible for c in counts):
        return
    yield "eligible", [[n + c.immature, c.ineligible] for n, c in zip(seen, counts, strict=True)]
    yield "mature", [[n, c.immature] for n, c in zip(seen, counts, strict=True)]
    yield "observed", [[c.n, c.missing] for c in counts]
