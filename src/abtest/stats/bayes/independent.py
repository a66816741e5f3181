"""Posteriors of variants that are believed independent: scores, means, revenue.

Each is a quantity with a density of its own; nothing is shared, so there is no prior on
the lift, and the best of many is not drawn back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from abtest.sentences import sentence
from abtest.stats.bayes.distributions import difference_below, difference_quantile
from abtest.stats.bayes.quadrature import best_of, panels
from abtest.stats.bayes.tabulated import Tabulated
from abtest.stats.posterior import Posterior, VariantPosterior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.bayes.distributions import Quantity
    from abtest.stats.bayes.hurdle_lognormal import HurdleLogNormal
    from abtest.stats.bayes.quadrature import Floats
    from abtest.stats.bayes.question import Question


def of_differences(
    model: str, control: Quantity, treatments: Sequence[Quantity], question: Question
) -> Posterior:
    """The chances, and the expected loss in the metric's own unit.

    The loss of shipping where more is better is E[max(0, c - t)] = integral of F_t (1 - F_c).

    Args:
        model: The model's name.
        control: What is believed of control's value.
        treatments: What is believed of the other variants' values.
        question: The direction; a relative region of practical equivalence does not apply.

    Returns:
        The posterior; there is no lift, for a score or a mean may be zero.

    Example:
        >>> from abtest.stats.bayes.question import Question
        >>> from abtest.stats.bayes.student import Student
        >>> one = Student(0.0, 1.0, 10.0)
        >>> found = of_differences("nig", one, [one], Question())
        >>> round(found.variants[0].prob_beats_control, 9)
        0.5
    """
    tables = [Tabulated.of(one) for one in (control, *treatments)]
    best = _prob_best(tables, increase=question.increase)
    notes = [sentence("expected_loss is in the metric's unit: the model is on the difference")]
    variants = tuple(
        VariantPosterior(
            prob_beats_control=_better(tables[0], table, question),
            prob_best=chance,
            expected_loss=_loss(tables[0], table, increase=question.increase),
            lift=None,
            lift_low=None,
            lift_high=None,
            prob_in_rope=None,
        )
        for table, chance in zip(tables[1:], best[1:], strict=True)
    )
    return Posterior(model, None, None, best[0], variants, tuple(notes))


def of_revenue(
    control: HurdleLogNormal, treatments: Sequence[HurdleLogNormal], question: Question
) -> Posterior:
    """Revenue per customer by quantiles: its mean does not exist, and so no expected loss.

    Args:
        control: What is believed of control.
        treatments: What is believed of the other variants.
        question: The direction, the coverage and the region of practical equivalence.

    Returns:
        The posterior; the lift is the median of the ratio less 1.

    Source:
        Fabrizi & Trivisano (2012), Bayesian Analysis 7, 975-996.

    Example:
        >>> from abtest.stats.bayes.hurdle_lognormal import HurdleLogNormal
        >>> from abtest.stats.bayes.question import Question
        >>> from abtest.stats.bayes.student import NormalInverseGamma
        >>> one = HurdleLogNormal(51.0, 151.0, NormalInverseGamma(3.0, 51.0, 27.0, 26.0))
        >>> of_revenue(one, [one], Question()).variants[0].expected_loss is None
        True
    """
    tables = [Tabulated.of(one) for one in (control, *treatments)]
    best = _prob_best(tables, increase=question.increase)
    variants = tuple(
        _ratio(tables[0], table, chance, question)
        for table, chance in zip(tables[1:], best[1:], strict=True)
    )
    note = sentence(
        "Revenue by quantiles only: under the model its expectation is infinite, and so is an "
        "expected loss."
    )
    return Posterior("hurdle_lognormal", None, None, best[0], variants, (note,))


def _ratio(
    control: Tabulated, treatment: Tabulated, chance: float, question: Question
) -> VariantPosterior:
    tail = question.tail
    low, middle, high = (
        math.expm1(difference_quantile(control, treatment, mass)) for mass in (tail, 0.5, 1 - tail)
    )
    inside = None
    if question.rope is not None:
        ends = math.log1p(-question.rope), math.log1p(question.rope)
        inside = difference_below(control, treatment, ends[1]) - difference_below(
            control, treatment, ends[0]
        )
    return VariantPosterior(
        prob_beats_control=_better(control, treatment, question),
        prob_best=chance,
        expected_loss=None,
        lift=middle,
        lift_low=low,
        lift_high=high,
        prob_in_rope=inside,
    )


def _better(control: Tabulated, treatment: Tabulated, question: Question) -> float:
    lower = min(1.0, max(0.0, difference_below(control, treatment, 0.0)))
    return 1 - lower if question.increase else lower


def _loss(control: Tabulated, treatment: Tabulated, *, increase: bool) -> float:
    worse, better = (treatment, control) if increase else (control, treatment)
    nodes, weights = _grid([worse, better])
    return float(weights @ (worse.below(nodes) * (1 - better.below(nodes))))


def _prob_best(tables: Sequence[Tabulated], *, increase: bool) -> list[float]:
    nodes, weights = _grid(tables)
    masses = np.stack([table.below(nodes) for table in tables])
    densities = np.stack([table.density(nodes) for table in tables])
    found = best_of(densities, masses if increase else 1 - masses, weights)
    return [float(chance) for chance in found]


def _grid(tables: Sequence[Tabulated]) -> tuple[Floats, Floats]:
    return panels(np.unique(np.concatenate([table.edges for table in tables])))
