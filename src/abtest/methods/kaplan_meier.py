"""The share with an event by a horizon, off Kaplan-Meier curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from abtest.methods.base import expect
from abtest.methods.survival import Horizon, SurvivalMethod, at_horizon, estimate_at
from abtest.stats.survival.incidence import incidence, incidence_estimate
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class KaplanMeier(SurvivalMethod):
    """Two shares with an event by a horizon, units counted for as long as they were followed."""

    kind: Literal["kaplan_meier"] = "kaplan_meier"
    horizon: Horizon | None = None
    """In the table's unit of time; by default as far as both variants are followed."""

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.incidence.incidence``."""
        tables = expect(LifeTable, control), expect(LifeTable, treatment)
        return at_horizon(incidence, tables, self.horizon, ci_level, self.kind)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.incidence.incidence_estimate``."""
        return estimate_at(incidence_estimate, expect(LifeTable, summary), self.horizon, ci_level)
