"""Two survival curves by the log-rank test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from abtest.methods.base import expect
from abtest.methods.survival import SurvivalMethod, incidence_at_the_end
from abtest.stats.survival.life_table import LifeTable
from abtest.stats.survival.log_rank import log_rank

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class LogRank(SurvivalMethod):
    """Whether two curves are one, with the hazard ratio that the test implies."""

    kind: Literal["log_rank"] = "log_rank"

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.log_rank.log_rank``."""
        return log_rank(expect(LifeTable, control), expect(LifeTable, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """The share with an event by the end of follow-up, see ``stats.incidence``."""
        return incidence_at_the_end(expect(LifeTable, summary), ci_level)
