"""Health checks: what must be right before anybody reads a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.curves import readings_check
from abtest.analysis.reading_checks import (
    averaged_rows,
    before_assignment,
    dates_without_times,
    empty_metrics,
    few_units,
    lookalike_ids,
    negative_values,
    off_schedule,
)
from abtest.analysis.refusals import SPLIT
from abtest.analysis.result import Check
from abtest.analysis.sentences import counted, in_sentence
from abtest.analysis.skew import skew
from abtest.analysis.strata import entry_weights
from abtest.analysis.survey_checks import response_check
from abtest.metrics.survey import SurveyMetric
from abtest.spec.rules import advice_on
from abtest.stats.sample_ratio import SampleRatio, sample_ratio, summed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.clusters import ClusterCounts
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
        averaged_rows(population),
        off_schedule(population),
        _unknown_units(events),
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
        skew(spec, found),
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
    split = _what_was_split(population)
    counts = [split[variant.key] for variant in variants]
    test = _split_test(spec, population)
    shares = [expected / max(sum(test.expected), 1) for expected in test.expected]
    alpha = spec.analysis.sample_ratio_alpha
    units = max(sum(counts), 1)
    rows = [
        f"{in_sentence(variant.key)}: {count:,} ({count / units:.2%}, planned {share:.2%})"
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
    of = "of clusters " if population.clusters is not None else ""
    pvalue = "" if test.pvalue is None else f"; p = {test.pvalue:.4g}"
    return Check(
        key="sample_ratio",
        status="fail" if failed else "pass",
        message=f"The split {of}{word} what was planned: {'; '.join(rows)}{pvalue}.",
        hint="Customers went missing or were counted twice in one variant. Find out why first."
        if failed
        else None,
        details=details,
    )


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
    word, words = ("unit", "units") if split is population else ("cluster", "clusters")
    if population.units == population.rows and split.crossed == 0:
        return Check(key="crossover", status="pass", message=f"No {word} is in two variants.")
    share = split.crossed / split.units if split.units else 0.0
    status = "pass" if share <= CROSSOVER_WARN else "warn" if share <= CROSSOVER_FAIL else "fail"
    kept = split.crossed - split.left_out
    what = _where_analysed(split) if kept else "left out"
    return Check(
        key="crossover",
        status=status if split.crossed else "pass",
        message=f"{split.crossed:,} of {split.units:,} {words} ({share:.2%}) "
        f"are in two variants; they are {what}."
        if split.crossed
        else f"No {word} is in two variants.",
        hint="Look at where the variant is decided and logged." if status != "pass" else None,
        details={words: split.units, "crossed": split.crossed, "share": share},
    )


def _where_analysed(split: Population | ClusterCounts) -> str:
    if split.by_hash == split.crossed:
        return "analysed in the variant of the hash"
    if split.by_hash == 0:
        return "analysed in the first"
    return f"analysed in the variant of the hash ({split.by_hash:,}) or in the first"


def _unknown_variants(spec: Spec, population: Population) -> Check:
    absent = [key for key, n in population.assigned.items() if n == 0]
    found = list(population.unknown.items())[:10]
    names = ", ".join(f"{in_sentence(repr(key))} ({counted(n, 'row', 'rows')})" for key, n in found)
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


def _copies(found: EventRows) -> str:
    rows = counted(found.copies, f"row of {found.stream} repeats", f"rows of {found.stream} repeat")
    sampled = f"; about, from one row in {found.copies_one_in}" if found.copies_one_in > 1 else ""
    return f"{rows} another exactly (kept{sampled})"


def _repeated_rows(population: Population, events: Sequence[EventRows]) -> Check:
    parts = []
    if population.repeated_rows:
        rows = counted(population.repeated_rows, "assignment row repeats", "assignment rows repeat")
        parts.append(f"{rows} a unit (counted once)")
    parts += [_copies(found) for found in events if found.copies]
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
        sentences.append(
            f"{counted(late, 'row at or after as_of was', 'rows at or after as_of were')} not read."
        )
    zeros = "Did ids lose their zeros, or change their form, in one of the files?"
    nothing = "Is the file empty, does keep drop all rows, or is as_of too early?"
    return Check(
        key="unknown_units",
        status=status,
        message=" ".join(sentences),
        hint=None if status == "pass" else zeros if worst < MATCH_WARN else nothing,
        details={
            found.stream: {
                "matched": found.matched,
                "outside": found.outside,
                "late": found.late,
                "before": found.before,
            }
            for found in events
        },
    )


def _missing_values(spec: Spec, summaries: Summaries, events: Sequence[EventRows]) -> Check:
    parts = []
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
            rates = ", ".join(f"{share:.2%} in {in_sentence(key)}" for key, share in shares.items())
            parts.append(f"{metric.key} is missing for {rates}")
    for found in events:
        for name, n in (
            ("unit", found.no_unit),
            ("time", found.no_time),
            ("value", found.no_value),
        ):
            if n:
                row = counted(n, f"row of {found.stream} has", f"rows of {found.stream} have")
                parts.append(f"{row} no {name}")
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
    if not spec.data.events and not parts:
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
