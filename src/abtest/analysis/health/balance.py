"""Were the variants alike before the treatment? The covariates of all assigned units."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import narwhals as nw

from abtest.analysis.readings import OBSERVED, Reading
from abtest.analysis.result import Check
from abtest.analysis.summaries import Wish, summarize
from abtest.sentences import joined, sentence
from abtest.stats.adjustment.co_moments import CoMoments, missing_column
from abtest.stats.families.procedures import adjust
from abtest.stats.health.balance import omnibus, standardized_difference
from abtest.stats.scipy_special import special
from abtest.stats.summaries import Moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abtest.analysis.facts import Facts
    from abtest.analysis.population import Population
    from abtest.sources.engine import Engine
    from abtest.spec import Spec

    Parts = Mapping[str, Mapping[str, CoMoments]]
    """Each variant's co-moments by stratum."""

ALPHA = 0.001
_NAME = "abtest:balance"
Rows = tuple[dict[str, Any], ...]


def balance_of(
    spec: Spec, engine: Engine, population: Population, frame: nw.LazyFrame[Any], facts: Facts
) -> Rows:
    """One row for each covariate and variant, and one omnibus test for each variant.

    Args:
        spec: The experiment.
        engine: Where the units are.
        population: What was split.
        frame: One row per unit with its covariates.
        facts: What made the frame.

    Returns:
        Rows with ``covariate``, the means, the difference in standard deviations ``smd``; the test
        of all covariates at once has ``covariate`` None.
    """
    if spec.control is None or facts.history is None or not facts.history.covariates:
        return ()
    reading = Reading(_NAME, spec.metrics[0], Moments)
    columns = nw.lit(OBSERVED).alias(reading.state), nw.lit(0.0).alias(reading.y)
    keys = [variant.key for variant in spec.variants or ()]
    wish = Wish(keys, history=facts.history, stratified=population.stratified)
    found = summarize(engine, frame.with_columns(*columns), [reading], wish)
    parts = {key: found.summaries[_NAME, key].parts for key in keys}
    return tuple(_rows(spec, parts, tested=spec.cluster is None))


def _rows(spec: Spec, parts: Parts, *, tested: bool) -> Iterator[dict[str, Any]]:
    control = spec.control.key if spec.control is not None else ""
    for variant in spec.treatments:
        pair = parts[control], parts[variant.key]
        if not all(pair):
            continue
        before, after = (reduce(add, side.values()) for side in pair)
        for name in before.columns.covariates:
            yield {"covariate": name, "variant": variant.key, **_compared(name, before, after)}
        if tested:
            test = _omnibus(*pair)
            yield {"covariate": None, "variant": variant.key, "control": control, **test}


def _compared(name: str, control: CoMoments, treatment: CoMoments) -> dict[str, Any]:
    of_control, of_treatment = _observed(name, control), _observed(name, treatment)
    known = of_control.n > 1 and of_treatment.n > 1
    smd = None
    if known:
        smd = standardized_difference(
            (of_control.mean, of_control.variance), (of_treatment.mean, of_treatment.variance)
        )
    return {
        "n": of_treatment.n,
        "n_control": of_control.n,
        "mean": of_treatment.mean if of_treatment.n else None,
        "mean_control": of_control.mean if of_control.n else None,
        "missing": treatment.n - of_treatment.n,
        "missing_control": control.n - of_control.n,
        "smd": smd,
    }


def _observed(name: str, found: CoMoments) -> Moments:
    """One covariate's moments over the units that have it: the others were filled with 0."""
    outcome = len(found.columns.outcome)
    place = outcome + found.columns.history.index(name)
    mean, m2 = float(found.means[place]), float(found.products[place][place])
    n = found.n
    if name in found.columns.missing:
        gap = outcome + found.columns.history.index(missing_column(name))
        n = round(found.n * (1 - float(found.means[gap])))
    if n == 0:
        return Moments(0, 0.0, 0.0)
    total = found.n * mean
    return Moments(n, total / n, max(m2 + found.n * mean**2 - total**2 / n, 0.0))


def _omnibus(
    control: Mapping[str, CoMoments], treatment: Mapping[str, CoMoments]
) -> dict[str, Any]:
    """The F test; over several strata, the sum of Hansen and Bowers's chi-squares."""
    shared = [name for name in control if name in treatment]
    tests = [omnibus(control[name], treatment[name]) for name in shared]
    known = [test for test in tests if test is not None]
    absent: dict[str, Any] = {"statistic": None, "df": None, "pvalue": None, "method": "omnibus_f"}
    if not known:
        return absent
    if len(tests) == 1:
        test = known[0]
        finite = test.f if math.isfinite(test.f) else None
        return {**absent, "statistic": finite, "df": list(test.df), "pvalue": test.pvalue}
    statistic, df = math.fsum(test.chi_square for test in known), sum(test.df[0] for test in known)
    pvalue = float(special.chdtrc(df, statistic))
    return {"statistic": statistic, "df": [df], "pvalue": pvalue, "method": "omnibus_chi_square"}


def balance_check(rows: Rows) -> Check | None:
    """Whether all covariates at once tell the variants apart.

    One test for each variant, Holm over the variants. The differences of single covariates are
    shown and not tested: with twenty covariates one is always significant.
    """
    tests = [row for row in rows if row["covariate"] is None]
    adjusted = adjust([row["pvalue"] for row in tests], "holm")
    off = [
        (row, pvalue)
        for row, pvalue in zip(tests, adjusted, strict=True)
        if pvalue is not None and pvalue < ALPHA
    ]
    if not off:
        return None
    told = [_told(row["variant"], pvalue, rows) for row, pvalue in off]
    return Check(
        key="balance",
        status="warn",
        message=sentence(
            "The variants differed before the treatment: {told}.", told=joined("; ", told)
        ),
        hint=sentence(
            "A fair split makes that one time in a thousand: look for a broken split, a list that "
            "was sorted, or covariates from after the assignment."
        ),
        details={"tests": [{**row, "pvalue_adjusted": pvalue} for row, pvalue in off]},
    )


def _told(variant: str, pvalue: float, rows: Rows) -> str:
    own = [row for row in rows if row["variant"] == variant and row.get("smd") is not None]
    worst = max(own, key=lambda row: abs(row["smd"]), default=None)
    if worst is None:
        return sentence("{variant}, adjusted p = {pvalue:.3g}", variant=variant, pvalue=pvalue)
    return sentence(
        "{variant}, adjusted p = {pvalue:.3g}, most in {covariate}, by {smd:+.2f} standard "
        "deviations",
        variant=variant,
        pvalue=pvalue,
        covariate=worst["covariate"],
        smd=worst["smd"],
    )
