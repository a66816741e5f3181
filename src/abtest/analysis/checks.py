"""Health checks: what must be right before anybody reads a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.curves import readings_check
from abtest.analysis.population import SPLIT
from abtest.analysis.reading_checks import (
    dates_without_times,
    empty_metrics,
    few_units,
    lookalike_ids,
    off_schedule,
)
from abtest.analysis.result import Check
from abtest.analysis.sentences import in_sentence
from abtest.analysis.strata import entry_weights
from abtest.spec.rules import advice_on
from abtest.stats.sample_ratio import SampleRatio, sample_ratio, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.event_rows import EventRows
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Found, Summaries
    from abtest.errors import Fault
    from abtest.spec import Spec

CROSSOVER_WARN, CROSSOVER_FAIL = 0.001, 0.01
MATCH_WARN = 0.5
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
        _repeated_rows(population, events),
        off_schedule(population),
        _unknown_units(events),
        lookalike_ids(events),
        dates_without_times(spec, events),
        _missing_values(spec, summaries, events),
        _immature(spec, summaries),
        readings_check(spec, found),
        empty_metrics(spec, summaries),
        few_units(spec, population, summaries),
        *(_advice(fault) for fault in advice_on(spec)),
    ]
    return tuple(check for check in checks if check is not None)


def _advice(fault: Fault) -> Check:
    """What the spec allows but probably does not mean, so that readers of the report see it too."""
    return Check(
        key="spec",
        status="warn",
        message=f"{fault.dotted} {fault.message}.",
        hint=fault.hint or None,
    )


def _sample_ratio(spec: Spec, population: Population) -> Check | None:
    variants = spec.variants or ()
    if len(variants) < 2:
        return None
    counts = [population.assigned[variant.key] for variant in variants]
    test = _split_test(spec, population)
    shares = [expected / max(sum(test.expected), 1) for expected in test.expected]
    alpha = spec.analysis.sample_ratio_alpha
    units = max(sum(counts), 1)
    rows = [
        f"{in_sentence(variant.key)} {count:,} ({count / units:.2%}, planned {share:.2%})"
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
    word = "is not" if failed else "is"
    pvalue = "" if test.pvalue is None else f"; p = {test.pvalue:.4g}"
    return Check(
        key="sample_ratio",
        status="fail" if failed else "pass",
        message=f"The split {word} what was planned: {'; '.join(rows)}{pvalue}.",
        hint="Customers went missing or were counted twice in one variant. Find out why first."
        if failed
        else None,
        details=details,
    )


def _split_test(spec: Spec, population: Population) -> SampleRatio:
    """The counts against the weights, under which of them each unit entered."""
    keys = [variant.key for variant in spec.variants or ()]
    entries = entry_weights(spec)
    by_entry = population.by_entry or (population.assigned,)
    tests = []
    for (_, weights), counts in zip(entries, by_entry, strict=True):
        total = sum(weights.values())
        shares = [weights[key] / total for key in keys]
        tests.append(sample_ratio([counts[key] for key in keys], shares))
    return tests[0] if len(tests) == 1 else summed(tests)


def _crossover(population: Population) -> Check | None:
    if population.units == population.rows and population.crossed == 0:
        return Check(key="crossover", status="pass", message="No unit is in two variants.")
    share = population.crossed / population.units if population.units else 0.0
    status = "pass" if share <= CROSSOVER_WARN else "warn" if share <= CROSSOVER_FAIL else "fail"
    kept = population.crossed - population.left_out
    what = _where_analysed(population) if kept else "left out"
    return Check(
        key="crossover",
        status=status if population.crossed else "pass",
        message=f"{population.crossed:,} of {population.units:,} units ({share:.2%}) are in two "
        f"variants; they are {what}."
        if population.crossed
        else "No unit is in two variants.",
        hint="Look at where the variant is decided and logged." if status != "pass" else None,
        details={"units": population.units, "crossed": population.crossed, "share": share},
    )


def _where_analysed(population: Population) -> str:
    if population.by_hash == population.crossed:
        return "analysed in the variant of the hash"
    if population.by_hash == 0:
        return "analysed in the first"
    return f"analysed in the variant of the hash ({population.by_hash:,}) or in the first"


def _unknown_variants(spec: Spec, population: Population) -> Check:
    absent = [key for key, n in population.assigned.items() if n == 0]
    found = list(population.unknown.items())[:10]
    names = ", ".join(f"{in_sentence(repr(key))} ({n:,} rows)" for key, n in found)
    if absent:
        instead = f" The data also have variants that the spec does not name: {names}."
        return Check(
            key="unknown_variants",
            status="fail",
            message=f"No unit is in {', '.join(map(in_sentence, absent))}."
            f"{instead if found else ''}",
            hint="Is the variant spelt as in the data?",
            details={"absent": absent, "unknown": population.unknown},
        )
    if not found:
        return Check(key="unknown_variants", status="pass", message="All variants are known.")
    keys = ", ".join(in_sentence(variant.key) for variant in spec.variants or ())
    return Check(
        key="unknown_variants",
        status="fail",
        message=f"The data have variants that the spec does not name: {names}. They are left out.",
        hint=f"The spec names {keys}. Add them, or correct the data.",
        details={"unknown": population.unknown},
    )


def _left_out(population: Population) -> Check | None:
    """Rows that are not analysed on purpose: overrides, holdouts, assigned after the cut-off."""
    reasons = {key: n for key, n in sorted(population.reasons.items()) if key != SPLIT}
    if not reasons and not population.too_late:
        return None
    parts = [f"{n:,} with reason {key or 'none'}" for key, n in reasons.items()]
    if population.too_late:
        parts.append(f"{population.too_late:,} assigned at or after as_of")
    return Check(
        key="left_out",
        status="pass",
        message=f"Assignments that are not analysed: {', '.join(parts)}.",
        details={"reasons": reasons, "too_late": population.too_late},
    )


def _repeated_rows(population: Population, events: Sequence[EventRows]) -> Check:
    parts = []
    if population.repeated_rows:
        parts.append(f"{population.repeated_rows:,} assignment rows repeat a unit (counted once)")
    parts += [
        f"{found.copies:,} rows of {found.stream} repeat another exactly (kept)"
        for found in events
        if found.copies
    ]
    details: dict[str, Any] = {"assignments": population.repeated_rows}
    details.update({found.stream: found.copies for found in events})
    if not parts:
        return Check(
            key="duplicate_rows", status="pass", message="No row repeats another.", details=details
        )
    return Check(
        key="duplicate_rows",
        status="warn",
        message=f"{'; '.join(parts)}.",
        hint="Copies of events count twice; with several lines per order that may be right.",
        details=details,
    )


def _unknown_units(events: Sequence[EventRows]) -> Check | None:
    if not events:
        return None
    read = [found for found in events if found.outside + found.matched]
    empty = [found.stream for found in events if found not in read]
    worst = min((found.matched / (found.outside + found.matched) for found in read), default=1.0)
    parts = [
        f"{found.outside:,} of {found.outside + found.matched:,} rows of {found.stream}"
        for found in read
    ]
    status = "fail" if worst == 0 else "warn" if worst < MATCH_WARN or empty else "pass"
    sentences = [f"{' and '.join(parts)} are of units outside the experiment."] if parts else []
    if empty:
        sentences.append(f"No row of {' and '.join(empty)} was read.")
    late = sum(found.late for found in events)
    if late:
        sentences.append(f"{late:,} rows at or after as_of were not read.")
    zeros = "Did ids lose their zeros, or change their form, in one of the files?"
    nothing = "Is the file empty, does keep drop all rows, or is as_of too early?"
    return Check(
        key="unknown_units",
        status=status,
        message=" ".join(sentences),
        hint=None if status == "pass" else zeros if worst < MATCH_WARN else nothing,
        details={
            found.stream: {"matched": found.matched, "outside": found.outside, "late": found.late}
            for found in events
        },
    )


def _missing_values(spec: Spec, summaries: Summaries, events: Sequence[EventRows]) -> Check:
    parts = []
    details: dict[str, Any] = {}
    gap = 0.0
    for metric in spec.metrics:
        shares = {}
        for variant in spec.variants or ():
            counts = summaries[metric.key, variant.key]
            seen = counts.missing + counts.n
            shares[variant.key] = counts.missing / seen if seen else 0.0
        if any(shares.values()):
            details[metric.key] = shares
            gap = max(gap, max(shares.values()) - min(shares.values()))
            rates = ", ".join(f"{share:.2%} in {in_sentence(key)}" for key, share in shares.items())
            parts.append(f"{metric.key} is missing for {rates}")
    for found in events:
        for name, n in (
            ("unit", found.no_unit),
            ("time", found.no_time),
            ("value", found.no_value),
        ):
            if n:
                parts.append(f"{n:,} rows of {found.stream} have no {name}")
                details[f"{found.stream}.{name}"] = n
    if not parts:
        return Check(key="missing_values", status="pass", message="No value is missing.")
    differs = " Variants differ in what is missing." if gap > MISSING_GAP else ""
    return Check(
        key="missing_values",
        status="warn",
        message=f"{'; '.join(parts)}. They are left out.{differs}",
        hint="If the treatment decides what is missing, the comparison is biased.",
        details=details,
    )


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
            rates = ", ".join(f"{share:.1%} of {in_sentence(key)}" for key, share in shares.items())
            parts.append(f"{metric.key}: {rates}")
    if not spec.data.events:
        return None
    if not parts:
        return Check(key="immature_units", status="pass", message="Every window is over.")
    differs = "; variants mature at different rates" if gap > IMMATURE_GAP else ""
    return Check(
        key="immature_units",
        status="warn" if gap > IMMATURE_GAP else "pass",
        message=f"Not counted yet, because the window is not over: {'; '.join(parts)}{differs}.",
        hint="The split may have changed while units were enrolled."
        if gap > IMMATURE_GAP
        else None,
        details=details,
    )
