"""Holding tallies against claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from calibration.cells import Cell, Claim, Tally

# At three standard errors, 2.7 of 1,000 right claims fail by chance; those are run once more with
# four times the replications (runner.py).
ERRORS_ALLOWED = 3.0


@dataclass(frozen=True)
class Verdict:
    """One claim of one cell, judged.

    Attributes:
        claim: The claim.
        rate: What came out; None where nothing was counted.
        error: Its Monte Carlo standard error, under the claim for rates.
        holds: Whether it is in its band; True for what is only shown.
    """

    claim: Claim
    rate: float | None
    error: float
    holds: bool


def standard_error(tally: Tally, nominal: float) -> float:
    """Monte Carlo standard error: sqrt(p (1 - p) / n) of hits, sd / sqrt(n) of a mean."""
    if not tally.trials:
        return 0.0
    if tally.squares is not None:
        mean = tally.total / tally.trials
        variance = max(tally.squares / tally.trials - mean**2, 0.0)
    else:
        rate = tally.total / tally.trials if math.isnan(nominal) else nominal
        variance = max(rate * (1 - rate), 0.0)
    return math.sqrt(variance / tally.trials)


def judged(
    cell: Cell, tallies: Mapping[str, Tally], allowed: float = ERRORS_ALLOWED
) -> list[Verdict]:
    """Every claim of a cell.

    Raises:
        KeyError: A claim names a tally that the cell does not make.
    """
    return [_verdict(claim, tallies[claim.tally], allowed) for claim in cell.claims]


def _verdict(claim: Claim, tally: Tally, allowed: float) -> Verdict:
    error = standard_error(tally, claim.nominal)
    rate = tally.rate
    if claim.band == "shown":
        return Verdict(claim, rate, error, holds=True)
    if rate is None:  # nothing was counted, so nothing was shown
        return Verdict(claim, rate, error, holds=False)
    away = rate - claim.nominal
    slack = allowed * error + 1e-12
    holds = {
        "within": abs(away) <= slack,
        "at_most": away <= slack,
        "at_least": away >= -slack,
    }[claim.band]
    return Verdict(claim, rate, error, holds)
