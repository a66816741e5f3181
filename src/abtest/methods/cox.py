"""Two variants by Cox's hazard ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from abtest.methods.base import expect
from abtest.methods.survival import SurvivalMethod, incidence_at_the_end
from abtest.stats.survival.cox import cox
from abtest.stats.survival.life_table import LifeTable

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate
    from abtest.stats.summaries import Summary


class Cox(SurvivalMethod):
    """A hazard ratio with Efron's ties and the robust error, and a test that it is one number."""

    kind: Literal["cox"] = "cox"

    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """See ``stats.cox.cox``."""
        return cox(expect(LifeTable, control), expect(LifeTable, treatment), ci_level)

    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """The share with an event by the end of follow-up, see ``stats.incidence``."""
        return incidence_at_the_end(expect(LifeTable, summary), ci_level)
