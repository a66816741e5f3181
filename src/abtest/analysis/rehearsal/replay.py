"""One replay: deal the variants out anew, add up, and let the analysis decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from abtest.analysis.decision import decide
from abtest.analysis.population import Population
from abtest.analysis.records import Comparer
from abtest.analysis.rehearsal.money import MoneyReplay, money_replay
from abtest.analysis.rehearsal.outcome_sums import OutcomeSums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.money.result import Money, VariantMoney
    from abtest.analysis.rehearsal.effects import Planted
    from abtest.analysis.rehearsal.outcome_sums import Flips
    from abtest.analysis.rehearsal.outcomes import Outcomes
    from abtest.analysis.rehearsal.unit_sums import Places
    from abtest.analysis.result import Record
    from abtest.analysis.summaries import Summaries
    from abtest.spec import Spec

# What of a record is kept of every replay.
KEPT = (
    *("metric", "variant", "difference", "difference_ci_low", "difference_ci_high", "lift"),
    *("lift_ci_low", "lift_ci_high", "pvalue", "pvalue_adjusted"),
)
# What of a variant's money.
KEPT_OF_MONEY = ("variant", "difference", "ci_low", "ci_high", "expected_loss", "value")
_MONEY = 1  # where the chance of money starts, so that it moves no metric


@dataclass(frozen=True)
class Replay:
    """Makes replays of one experiment.

    Attributes:
        spec: The experiment, with the metrics that can be replayed and nothing that only a real
            split has.
        outcomes: What the units did.
        planted: What treatments change; nothing for an A/A replay.
        seed: Where chance starts; replay k starts at (seed, k).
        not_rehearsed: What of the experiment's own spec is left out, with the reason.
    """

    spec: Spec
    outcomes: Outcomes
    planted: tuple[Planted, ...]
    seed: int
    not_rehearsed: tuple[tuple[str, str], ...] = ()

    def run(self, number: int) -> dict[str, Any]:
        """Replay once.

        Returns:
            The number, the verdict, the variant it names, the line of the rule that decided, and
            what is kept of each record and of each variant's money.
        """
        random = np.random.default_rng([self.seed, number])
        places = self._dealt(random)
        flips = {one.outcome.metric: one.flips(random) for one in self._sums}
        summaries: Summaries = {
            (one.outcome.metric, variant): one.counts(
                mine, treated=variant != self._control, flips=flips[one.outcome.metric]
            )
            for one in self._sums
            for variant, mine in places.items()
        }
        money = self._money_of(places, flips, number)
        return {"replay": number, **self._decided(summaries, places, money)}

    @cached_property
    def money(self) -> MoneyReplay | None:
        """What replays the decision in money; None where there is none."""
        if self.spec.decision is None or self.spec.decision.value is None:
            return None
        return money_replay(
            self.spec,
            self.outcomes.amounts,
            self.outcomes.metrics,
            (self.outcomes.columns, self.outcomes.history),
            self.planted,
        )

    @cached_property
    def _sums(self) -> tuple[OutcomeSums, ...]:
        planted = {one.metric: one for one in self.planted}
        columns, history = self.outcomes.columns, self.outcomes.history
        return tuple(
            OutcomeSums(
                outcome, columns, history, planted.get(outcome.metric), self.outcomes.clusters
            )
            for outcome in self.outcomes.metrics
        )

    @cached_property
    def _control(self) -> str:
        return self.spec.control.key if self.spec.control is not None else ""

    def _dealt(self, random: np.random.Generator) -> dict[str, Places]:
        """The units of each variant: dealt out one by one, or with the whole of their clusters."""
        clusters = self.outcomes.clusters
        count = self.outcomes.units if clusters is None else int(clusters.max()) + 1
        variants = self.spec.variants or ()
        weights = np.array([variant.weight for variant in variants], dtype=float)
        edges = np.cumsum(weights) / weights.sum()
        chance = random.random(count)
        # A sum of shares may stay a rounding below 1, and chance above it.
        dealt = np.minimum(np.searchsorted(edges, chance, side="right"), len(edges) - 1)
        dealt = dealt if clusters is None else dealt[clusters]
        return {
            variant.key: np.flatnonzero(dealt == place) for place, variant in enumerate(variants)
        }

    def _money_of(
        self, places: Mapping[str, Places], flips: Mapping[str, Flips | None], number: int
    ) -> Money | None:
        if self.money is None:
            return None
        random = np.random.default_rng([self.seed, number, _MONEY])
        shares = [flips[planted.metric] for planted, _ in self.money.shares]
        moved = self.money.moved([one.places for one in shares if one is not None], random)
        return self.money.money(places, moved)

    def _decided(
        self, summaries: Summaries, places: Mapping[str, Places], money: Money | None
    ) -> dict[str, Any]:
        assigned = {variant: len(mine) for variant, mine in places.items()}
        nobody = nw.from_native(pd.DataFrame()).lazy()  # everything is added up already
        population = Population(nobody, assigned, self.outcomes.units)
        records = Comparer(self.spec, population, summaries, {}).records()
        decision = decide(self.spec, (), records, money)
        return {
            "verdict": decision.verdict,
            "variant": decision.variant,
            "rule_line": decision.rule_line,
            "records": [_kept(record, KEPT) for record in records],
            "money": [_kept(one, KEPT_OF_MONEY) for one in (money.variants if money else ())],
        }


def _kept(found: Record | VariantMoney, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(found, name) for name in names}
