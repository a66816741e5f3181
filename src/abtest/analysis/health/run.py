"""Every check of this folder, in the order in which people should read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.health.balance import balance_check
from abtest.analysis.health.novelty import novelty
from abtest.analysis.health.outliers import outliers
from abtest.analysis.health.pre_period import pre_period
from abtest.analysis.health.sample_ratio_parts import late_sample_ratio, sample_ratio_parts
from abtest.analysis.health.simpson import simpson
from abtest.analysis.health.twyman import twyman

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.population import Population
    from abtest.analysis.result import Check, Record
    from abtest.analysis.summaries import Found
    from abtest.spec import Spec


def health_checks(
    spec: Spec, population: Population, found: Found, records: Sequence[Record]
) -> tuple[Check, ...]:
    """What warns; a check that finds nothing says nothing.

    Args:
        spec: The experiment.
        population: Its units.
        found: What was counted.
        records: What was compared.
    """
    changed = bool(population.by_entry)
    checks = [
        sample_ratio_parts(spec, population, found),
        late_sample_ratio(spec, population, found),
        balance_check(found.balance),
        None if changed else pre_period(spec, found),
        simpson(spec, found),
        novelty(found.weekly),
        outliers(spec, found),
        twyman(spec, records),
    ]
    return tuple(check for check in checks if check is not None)
