"""Health checks: what must be right before anybody reads a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abtest.analysis.result import Check
from abtest.stats.sample_ratio import sample_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.outcomes import EventRows
    from abtest.analysis.population import Population
    from abtest.analysis.summaries import Summaries
    from abtest.spec import Spec

CROSSOVER_WARN, CROSSOVER_FAIL = 0.001, 0.01
MATCH_WARN = 0.5
# Two percentage points: smaller gaps between variants are usual in staggered enrolment.
IMMATURE_GAP, MISSING_GAP = 0.02, 0.02


def run_checks(
    spec: Spec, population: Population, summaries: Summaries, events: Sequence[EventRows]
) -> tuple[Check, ...]:
    """Every check, in the order in which people should read them."""
    checks = [
        _sample_ratio(spec, population),
        _crossover(population),
        _unknown_variants(spec, population),
        _repeated_rows(population, events),
        _unknown_units(events),
        _missing_values(spec, summaries, events),
        _immature(spec, summaries),
    ]
    return tuple(check for check in checks if check is not None)


def _sample_ratio(spec: Spec, population: Population) -> Check | None:
    variants = spec.variants or ()
    if len(variants) < 2:
        return None
    counts = [population.assigned[variant.key] for variant in variants]
    total_weight = sum(variant.weight for variant in variants)
    shares = [variant.weight / total_weight for variant in variants]
    test = sample_ratio(counts, shares)
    alpha = spec.analysis.sample_ratio_alpha
    rows = [
        f"{variant.key} {count:,} ({count / sum(counts):.2%}, planned {share:.2%})"
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
    }
    failed = test.pvalue is None or test.pvalue < alpha
    word = "is not" if failed else "is"
    pvalue = "none" if test.pvalue is None else f"{test.pvalue:.4g}"
    return Check(
        key="sample_ratio",
        status="fail" if failed else "pass",
        message=f"The split {word} what was planned: {'; '.join(rows)}; p = {pvalue}.",
        hint="Customers went missing or were counted twice in one variant. Find out why first."
        if failed
        else None,
        details=details,
    )


def _crossover(population: Population) -> Check | None:
    if population.units == population.rows and population.crossed == 0:
        return Check(key="crossover", status="pass", message="No unit is in two variants.")
    share = population.crossed / population.units if population.units else 0.0
    status = "pass" if share <= CROSSOVER_WARN else "warn" if share <= CROSSOVER_FAIL else "fail"
    kept = population.crossed - population.left_out
    what = "analysed in the first" if kept else "left out"
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


def _unknown_variants(spec: Spec, population: Population) -> Check:
    absent = [key for key, n in population.assigned.items() if n == 0]
    if absent:
        return Check(
            key="unknown_variants",
            status="fail",
            message=f"No unit is in {', '.join(absent)}.",
            hint="Is the variant spelt as in the data?",
            details={"absent": absent, "unknown": population.unknown},
        )
    if not population.unknown:
        return Check(key="unknown_variants", status="pass", message="All variants are known.")
    names = ", ".join(f"{key!r} ({n:,} rows)" for key, n in list(population.unknown.items())[:10])
    keys = ", ".join(variant.key for variant in spec.variants or ())
    return Check(
        key="unknown_variants",
        status="fail",
        message=f"The data have variants that the spec does not name: {names}. They are left out.",
        hint=f"The spec names {keys}. Add them, or correct the data.",
        details={"unknown": population.unknown},
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
    worst = min(found.matched / max(found.outside + found.matched, 1) for found in events)
    nothing = any(found.matched == 0 for found in events)
    parts = [
        f"{found.outside:,} of {found.outside + found.matched:,} rows of {found.stream}"
        for found in events
    ]
    status = "fail" if nothing else "warn" if worst < MATCH_WARN else "pass"
    late = sum(found.late for found in events)
    later = f" {late:,} rows at or after as_of were not read." if late else ""
    return Check(
        key="unknown_units",
        status=status,
        message=f"{' and '.join(parts)} are of units outside the experiment.{later}",
        hint="Did ids lose their zeros, or change their form, in one of the files?"
        if status != "pass"
        else None,
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
            rates = ", ".join(f"{share:.2%} in {key}" for key, share in shares.items())
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
            rates = ", ".join(f"{share:.1%} of {key}" for key, share in shares.items())
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
