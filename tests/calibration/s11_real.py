"""Real customers, dealt out anew where nothing differs.

Nothing here is made up but the split: the customers of a British gift shop (Online Retail, 2010 to
2011), those of a music shop (CDNOW, 1997 to 1998) and the untreated customers of Hillstrom's
e-mail experiment are dealt out at random 2,000 times for each metric. The metric reads each
customer's real orders once, as `abtest rehearse` does; the comparison and the decision then are
those of `abtest analyze`.

"p < 0.05" is the share of false alarms. "p uniform" says whether the p-values of all 2,000
re-splits are spread evenly, as they must be where nothing differs: yes if Kolmogorov and Smirnov's
test of that gives more than 0.001 (its p-value stands beside). "Interval holds" is the share of
intervals of the difference that hold zero, and "false ships" the share of re-splits in which the
decision rule ships: half of alpha where the primary metric must be significantly better.

One row is outside of what a mean can promise: of what the shop's customers spent, a third of the
variance is one customer, and adjusted for their spend before, the p-values are not quite evenly
spread (false alarms and intervals are right all the same). There the check of outliers must warn.

The rows called *assignment* deal out the real customer ids with the shipped hash, a new salt each
time, and count alarms of the check of the split.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.predictive import false_ships_by_loss
from abtest.stats.health.uniform import uniform_pvalue
from calibration.cells import Cell, Claim, Simulate, Tally, hits, values
from calibration.split_customers import (
    DATA,
    FILES,
    outlier_warnings,
    resplit,
    resplit_tables,
    split_counts,
)

ALPHA, SPLIT_ALPHA = 0.05, 0.001
RESPLITS = 2000
ABSENT = "skipped: third-party data is not beside this repository (../shared/data)"


def _tallied(found: list[dict[str, Any]]) -> dict[str, Tally]:
    pvalues = np.array([one["pvalue"] for one in found if one["pvalue"] is not None])
    spread = uniform_pvalue(pvalues) if len(pvalues) else 0.0
    held = [one["low"] <= 0 <= one["high"] for one in found if one["low"] is not None]
    return {
        "p < 0.05": hits(pvalues < ALPHA),
        "p uniform": hits([spread > 0.001]),
        "its Kolmogorov-Smirnov p": values([spread]),
        "interval holds": hits(held),
        "false ships": hits([one["shipped"] for one in found]),
        "tested": hits([one["pvalue"] is not None for one in found]),
    }


def simulate(
    data: str, metric: str, more: str, rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """Deal out a metric's customers."""
    found = _tallied(resplit(data, metric, more, rng, repeats))
    if (data, metric) == ONE_DECIDES:
        found["warned of outliers"] = hits(outlier_warnings(data, metric, rng, repeats))
    return found


def simulate_tables(
    data: str, metric: str, more: str, rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """The same for curves and quantiles."""
    return _tallied(resplit_tables(data, metric, more, rng, repeats))


def simulate_assignment(data: str, rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """Deal out ids by the shipped hash."""
    pvalues = np.array(split_counts(data, rng, repeats))
    return {
        "alarms of the split at 5%": hits(pvalues < ALPHA),
        "alarms of the split": hits(pvalues < SPLIT_ALPHA),
    }


CLAIMS = (
    Claim("p < 0.05", ALPHA, "within"),
    Claim("p uniform", 1.0, "at_least"),
    Claim("its Kolmogorov-Smirnov p"),
    Claim("interval holds", 1 - ALPHA, "within"),
    Claim("tested", 1.0, "at_least"),
)
SHIPS = Claim("false ships", ALPHA / 2, "within")


def _cell(
    data: str,
    metric: str,
    run: Simulate,
    claims: tuple[Claim, ...],
    *,
    repeats: int = RESPLITS,
    fast: int = 0,
) -> Cell:
    if not (DATA / FILES[data]).is_file():
        settings = {"customers": data, "metric": metric, "not run": ABSENT}
        return Cell("S11", settings, 1, _nothing, ())
    settings = {"customers": data, "metric": metric}
    # All p-values of a cell are tested together, so a cell is one batch.
    return Cell("S11", settings, repeats, run, claims, batch=repeats, fast=fast)


def _nothing(rng: np.random.Generator, repeats: int) -> dict[str, Tally]:  # noqa: ARG001
    return {}


def metric_cell(data: str, metric: str, more: str = "", fast: int = 0) -> Cell:
    """A metric that `abtest rehearse` replays."""
    run = partial(simulate, data, metric, more)
    claims: tuple[Claim, ...] = (*CLAIMS, SHIPS)
    if (data, metric) == ONE_DECIDES:
        claims = (*claims, Claim("warned of outliers", 1.0, "at_least"))
        if more:
            claims = tuple(Claim(c.tally) if c.tally == "p uniform" else c for c in claims)
    return _cell(data, f"{metric}{more and ', '}{more}", run, claims, fast=fast)


def table_cell(data: str, metric: str, more: str, repeats: int = RESPLITS) -> Cell:
    """Curves and quantiles."""
    run = partial(simulate_tables, data, metric, more)
    # Hazard ratios have no interval of a difference.
    claims = CLAIMS if more not in ("log_rank", "cox") else (*CLAIMS[:3], CLAIMS[4])
    return _cell(data, f"{metric}, {more}", run, (*claims, SHIPS), repeats=repeats)


def loss_cell() -> Cell:
    """A rule on the expected loss promises its false ships by its own formula."""
    n, rate, limit = 21_306, 0.106167277, 0.01
    se = np.sqrt(4 * (1 - rate) / (rate * n))
    promised = false_ships_by_loss([1.0], Normal(0.0, 0.05), float(se), limit)
    run = partial(simulate, HILLSTROM, "visit", LOSS)
    claims = (Claim("false ships", promised, "within"),)
    return _cell(HILLSTROM, f"visit, {LOSS}", run, claims, repeats=500)


def assignment_cell(data: str, repeats: int, fast: int = 0) -> Cell:
    """The check of the split on real ids."""
    claims = (
        Claim("alarms of the split at 5%", ALPHA, "within"),
        Claim("alarms of the split", SPLIT_ALPHA, "within"),
    )
    run = partial(simulate_assignment, data)
    return _cell(data, "assignment", run, claims, repeats=repeats, fast=fast)


RETAIL, CDNOW, HILLSTROM = "Online Retail", "CDNOW", "Hillstrom, no e-mail"
ONE_DECIDES = (RETAIL, "sum")
LOSS = "ships if the expected loss is below 1%"

CELLS: tuple[Cell, ...] = (
    *(
        metric_cell(data, metric, fast=100 if (data, metric) == (CDNOW, "churn") else 0)
        for data in (RETAIL, CDNOW)
        for metric in ("repeat_purchase", "retention", "churn", "crr", "conversion")
    ),
    *(
        metric_cell(data, metric)
        for data in (RETAIL, CDNOW)
        for metric in ("sum", "count", "ratio")
    ),
    metric_cell(RETAIL, "sum", "adjusted for spend before"),
    metric_cell(CDNOW, "sum", "adjusted for spend before"),
    metric_cell(CDNOW, "repeat_purchase", "90/10"),
    metric_cell(HILLSTROM, "visit"),
    metric_cell(HILLSTROM, "visit", "90/10"),
    metric_cell(HILLSTROM, "conversion"),
    metric_cell(HILLSTROM, "spend"),
    metric_cell(HILLSTROM, "spend", "adjusted for history"),
    metric_cell(HILLSTROM, "visit", "adjusted for history"),
    metric_cell(HILLSTROM, "ratio"),
    loss_cell(),
    *(
        table_cell(data, "time_to_event", method)
        for data in (RETAIL, CDNOW)
        for method in ("kaplan_meier", "rmst", "log_rank", "cox")
    ),
    table_cell(RETAIL, "spend of buyers", "median"),
    table_cell(CDNOW, "spend of buyers", "median"),
    table_cell(RETAIL, "spend of buyers", "permutation", 500),
    assignment_cell(RETAIL, RESPLITS),
    assignment_cell(CDNOW, 10_000, fast=100),
)
