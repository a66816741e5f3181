"""The mean time without an event up to a horizon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from abtest.methods.base import expect
from abtest.methods.survival import Horizon, SurvivalMethod, at_horizon, estimate_at
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.rmst import rmst, rmst_estimate

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class Rmst(SurvivalMethod):
    """Two restricted mean survival times: how long units go without an event, on average."""

    kind: Literal["rmst"] = "rmst"
    until: Horizon | None = None
    """In the table's unit of time; by default as far as both variants are followed."""

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.rmst.rmst``."""
        tables = expect(LifeTable, control), expect(LifeTable, treatment)
        return at_horizon(rmst, tables, self.until, ci_level, self.kind)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """See ``stats.rmst.rmst_estimate``."""
        return estimate_at(rmst_estimate, expect(LifeTable, summary), self.until, ci_level)
