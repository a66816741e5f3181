"""Health checks: what must be right before anybody reads a result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from abtest.analysis.curves import readings_check
from abtest.analysis.health.few_events import few_events
from abtest.analysis.health.readings import (
    averaged_rows,
    before_assignment,
    dates_without_times,
    empty_metrics,
    few_units,
    lookalike_ids,
    negative_values,
    off_schedule,
)
from abtest.analysis.health.rows import repeated_rows, unknown_units
from abtest.analysis.health.surveys import response_check
from abtest.analysis.refusals import SPLIT
from abtest.analysis.result import Check
from abtest.analysis.skew import skew
from abtest.analysis.strata import entry_weights
from abtest.metrics.survey import SurveyMetric
from abtest.sentences import joined, phrase, plural, sentence
from abtest.spec.rules import advice_on
from abtest.stats.health.sample_ratio import SampleRatio, sample_ratio, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.clusters import ClusterCounts
    from abtest.analysis.event_rows import EventRows
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Found, Summaries
    from abtest.errors import Fault
    from abtest.spec import Spec

CROSSOVER_WARN, CROSSOVER_FAIL = 0.001, 0.01
# What the checks count; each is looked up as it stands in a sentence.
_COUNTED = (phrase("units"), phrase("clusters"), phrase("unit"), phrase("time"), phrase("value"))
# Two percentage points: smaller gaps between variants are usual in staggered enrolment.
IMMATURE_GAP, MISSING_GAP = 0.02, 0.02


def run_checks(
    spec: Spec, population: Population, found: Found, events: Sequence[EventRows]
) -> tuple[Check, ...]:
    """Every check, in the order in which people should read them."""
    summaries = found.summaries
    checks = [
        _sample_ratio(spec, population),
        _crossover(population),
        _unknown_variants(spec, population),
        _left_out(population),
        repeated_rows(population, events),
        averaged_rows(population),
        off_schedule(population),
        unknown_units(events),
        lookalike_ids(events),
        dates_without_times(spec, events),
        before_assignment(events),
        negative_values(spec, events),
        _missing_values(spec, summaries, events),
        response_check(spec, found),
        _immature(spec, summaries),
        readings_check(spec, found),
        empty_metrics(spec, summaries),
        few_units(spec, population, summaries),
        few_events(spec, summaries),
        skew(spec, found),
        *(_advice(fault) for fault in advice_on(spec)),
    ]
    return tuple(check for check in checks if check is not None)


def _advice(fault: Fault) -> Check:
    """What the spec allows but probably does not mean, so that readers of the report see it too."""
    return Check(
        key="spec",
        status="warn",
        message=sentence("{path} {message}.", path=fault.dotted, message=fault.message),
        hint=fault.hint or None,
    )


def _sample_ratio(spec: Spec, population: Population) -> Check | None:
    variants = spec.variants or ()
    if len(variants) < 2:
        return None
    split = _what_was_split(population)
    counts = [split[variant.key] for variant in variants]
    test = _split_test(spec, population)
    shares = [expected / max(math.fsum(test.expected), 1) for expected in test.expected]
    alpha = spec.analysis.sample_ratio_alpha
    units = max(sum(counts), 1)
    rows = [
        sentence(
            "{variant}: {n:,} ({share:.2%}, planned {planned:.2%})",
            variant=variant.key,
            n=count,
            share=count / units,
            planned=share,
        )
        for variant, count, share in zip(variants, counts, shares, strict=True)
    ]
    details: dict[str, Any] = {
        "variants": [variant.key for variant in variants],
        "counts": counts,
        "expected": list(test.expected),
        "expected_shares": shares,
        "statistic": test.statistic,
        "df": test.df,
        "pvalue": test.pvalue,
        "alpha": alpha,
        "unexpected": test.unexpected,
    }
    # A unit in a variant that was to get none is an error, however few there are.
    failed = test.pvalue is None or test.pvalue < alpha or test.unexpected > 0
    if test.pvalue is not None:
        rows.append(sentence("p = {pvalue:.4g}", pvalue=test.pvalue))
    return Check(
        key="sample_ratio",
        status="fail" if failed else "pass",
        message=_split_told(joined("; ", rows), failed=failed, clusters=bool(population.clusters)),
        hint=sentence(
            "Customers went missing or were counted twice in one variant. Find out why first."
        )
        if failed
        else None,
        details=details,
    )


def _split_told(rows: str, *, failed: bool, clusters: bool) -> str:
    if clusters and failed:
        return sentence("The split of clusters is not what was planned: {rows}.", rows=rows)
    if clusters:
        return sentence("The split of clusters is what was planned: {rows}.", rows=rows)
    if failed:
        return sentence("The split is not what was planned: {rows}.", rows=rows)
    return sentence("The split is what was planned: {rows}.", rows=rows)


def _what_was_split(population: Population) -> dict[str, int]:
    """Units by variant, or clusters where whole clusters were split."""
    return population.assigned if population.clusters is None else population.clusters.assigned


def _split_test(spec: Spec, population: Population) -> SampleRatio:
    """The counts against the weights, under which of them each unit entered."""
    keys = [variant.key for variant in spec.variants or ()]
    entries = entry_weights(spec)
    by_entry = population.by_entry or (_what_was_split(population),)
    tests = []
    for (_, weights), counts in zip(entries, by_entry, strict=True):
        total = sum(weights.values())
        shares = [weights[key] / total for key in keys]
        tests.append(sample_ratio([counts[key] for key in keys], shares))
    return tests[0] if len(tests) == 1 else summed(tests)


def _crossover(population: Population) -> Check | None:
    if population.aggregated:  # who was in two variants, nobody can tell any more
        return None
    split: Population | ClusterCounts = population.clusters or population
    words = "units" if split is population else "clusters"
    nobody = sentence("No cluster is in two variants.")
    if split is population:
        nobody = sentence("No unit is in two variants.")
    if population.units == population.rows and split.crossed == 0:
        return Check(key="crossover", status="pass", message=nobody)
    share = split.crossed / split.units if split.units else 0.0
    status = "pass" if share <= CROSSOVER_WARN else "warn" if share <= CROSSOVER_FAIL else "fail"
    kept = split.crossed - split.left_out
    what = _where_analysed(split) if kept else sentence("left out")
    return Check(
        key="crossover",
        status=status if split.crossed else "pass",
        message=sentence(
            "{n:,} of {total:,} {units} ({share:.2%}) are in two variants; they are {what}.",
            n=split.crossed,
            total=split.units,
            units=sentence(words),
            share=share,
            what=what,
        )
        if split.crossed
        else nobody,
        hint=None
        if status == "pass"
        else sentence("Look at where the variant is decided and logged."),
        details={words: split.units, "crossed": split.crossed, "share": share},
    )


def _where_analysed(split: Population | ClusterCounts) -> str:
    if split.by_hash == split.crossed:
        return sentence("analysed in the variant of the hash")
    if split.by_hash == 0:
        return sentence("analysed in the first")
    return sentence("analysed in the variant of the hash ({n:,}) or in the first", n=split.by_hash)


def _unknown_variants(spec: Spec, population: Population) -> Check:
    absent = [key for key, n in population.assigned.items() if n == 0]
    found = list(population.unknown.items())[:10]
    names = joined(
        ", ",
        [
            plural("{name} ({n:,} row)", "{name} ({n:,} rows)", n, name=repr(key))
            for key, n in found
        ],
    )
    if absent:
        told = [sentence("No unit is in {variants}.", variants=joined(", ", absent))]
        if found:
            told.append(
                sentence(
                    "The data also have variants that the spec does not name: {names}.", names=names
                )
            )
        return Check(
            key="unknown_variants",
            status="fail",
            message=joined(" ", told),
            hint=sentence("Is the variant spelt as in the data?"),
            details={"absent": absent, "unknown": population.unknown},
        )
    if not found:
        return Check(
            key="unknown_variants", status="pass", message=sentence("All variants are known.")
        )
    keys = joined(", ", [variant.key for variant in spec.variants or ()])
    return Check(
        key="unknown_variants",
        status="fail",
        message=sentence(
            "The data have variants that the spec does not name: {names}. They are left out.",
            names=names,
        ),
        hint=sentence("The spec names {keys}. Add them, or correct the data.", keys=keys),
        details={"unknown": population.unknown},
    )


def _left_out(population: Population) -> Check | None:
    """Rows that are not analysed on purpose: overrides, holdouts, assigned after the cut-off."""
    reasons = {key: n for key, n in sorted(population.reasons.items()) if key != SPLIT}
    if not reasons and not population.too_late:
        return None
    parts = [
        sentence("{n:,} with reason {reason}", n=n, reason=key or "none")
        for key, n in reasons.items()
    ]
    if population.too_late:
        parts.append(sentence("{n:,} assigned at or after as_of", n=population.too_late))
    return Check(
        key="left_out",
        status="pass",
        message=sentence("Assignments that are not analysed: {parts}.", parts=joined(", ", parts)),
        details={"reasons": reasons, "too_late": population.too_late},
    )


def _missing_values(spec: Spec, summaries: Summaries, events: Sequence[EventRows]) -> Check:
    parts: list[str] = []
    details: dict[str, Any] = {}
    gap = 0.0
    for metric in spec.metrics:
        if isinstance(metric, SurveyMetric):  # who answers has a check of its own
            continue
        shares = {}
        for variant in spec.variants or ():
            counts = summaries[metric.key, variant.key]
            seen = counts.missing + counts.n
            shares[variant.key] = counts.missing / seen if seen else 0.0
        if any(shares.values()):
            details[metric.key] = shares
            gap = max(gap, max(shares.values()) - min(shares.values()))
            rates = [
                sentence("{share:.2%} in {variant}", share=share, variant=key)
                for key, share in shares.items()
            ]
            parts.append(
                sentence(
                    "{metric} is missing for {rates}", metric=metric.key, rates=joined(", ", rates)
                )
            )
    parts += _gaps(events, details)
    if not parts:
        return Check(key="missing_values", status="pass", message=sentence("No value is missing."))
    told = [sentence("{told}. They are left out.", told=joined("; ", parts))]
    if gap > MISSING_GAP:
        told.append(sentence("Variants differ in what is missing."))
    return Check(
        key="missing_values",
        status="warn",
        message=joined(" ", told),
        hint=sentence("If the treatment decides what is missing, the comparison is biased."),
        details=details,
    )


def _gaps(events: Sequence[EventRows], details: dict[str, Any]) -> list[str]:
    """Rows of events without a unit, a time or a value; also noted in the details."""
    parts: list[str] = []
    for found in events:
        known = (("unit", found.no_unit), ("time", found.no_time), ("value", found.no_value))
        for name, n in known:
            if n:
                parts.append(
                    plural(
                        "{n:,} row of {table} has no {what}",
                        "{n:,} rows of {table} have no {what}",
                        n,
                        table=found.stream,
                        what=sentence(name),
                    )
                )
                details[f"{found.stream}.{name}"] = n
    return parts


def _immature(spec: Spec, summaries: Summaries) -> Check | None:
    details: dict[str, Any] = {}
    parts, gap = [], 0.0
    for metric in spec.metrics:
        shares = {}
        for variant in spec.variants or ():
            counts = summaries[metric.key, variant.key]
            eligible = counts.immature + counts.missing + counts.n
            shares[variant.key] = counts.immature / eligible if eligible else 0.0
        if any(shares.values()):
            details[metric.key] = shares
            gap = max(gap, max(shares.values()) - min(shares.values()))
            rates = [
                sentence("{share:.1%} of {variant}", share=share, variant=key)
                for key, share in shares.items()
            ]
            parts.append(
                sentence("{metric}: {rates}", metric=metric.key, rates=joined(", ", rates))
            )
    if not spec.data.events and not parts:
        return None
    if not parts:
        return Check(key="immature_units", status="pass", message=sentence("Every window is over."))
    if gap > IMMATURE_GAP:
        parts.append(sentence("variants mature at different rates"))
    return Check(
        key="immature_units",
        status="warn" if gap > IMMATURE_GAP else "pass",
        message=sentence(
            "Not counted yet, because the window is not over: {parts}.", parts=joined("; ", parts)
        ),
        hint=sentence("The split may have changed while units were enrolled.")
        if gap > IMMATURE_GAP
        else None,
        details=details,
    )
