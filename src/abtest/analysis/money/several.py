"""Intervals of money that allow for there being several variants: those that the decision takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.families import ENOUGH_DF
from abtest.sentences import joined, sentence
from abtest.stats.families.max_t import MaxT, loadings_of
from abtest.stats.families.procedures import adjust, adjusted_ci_level
from abtest.stats.summaries import Moments
from abtest.stats.tails import t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.money.facts import MoneyFound
    from abtest.analysis.money.result import VariantMoney
    from abtest.spec import Spec


def allowing_for_several(
    spec: Spec, found: MoneyFound, variants: Sequence[VariantMoney]
) -> tuple[VariantMoney, ...]:
    """The variants with p-values and intervals adjusted as those of the primary metrics are.

    With several variants, to ship the one that seems to pay is a claim that had several chances.

    Args:
        spec: The experiment.
        found: What was counted.
        variants: What was found about each variant.
    """
    known = [one for one in variants if one.pvalue is not None and one.se]
    procedure = spec.analysis.correction.primary
    if len(known) < 2 or procedure == "none":
        return tuple(variants)
    adjusted = {}
    if procedure == "dunnett":
        control = spec.control.key if spec.control is not None else ""
        loadings = loadings_of(
            _variance(found, control), [_variance(found, one.variant) for one in known]
        )
        for one in known:
            # As for the metrics: each variant with its own degrees of freedom.
            family = MaxT(loadings, None if one.df is None or one.df >= ENOUGH_DF else one.df)
            level = 1 - family.error_rate_of_one(spec.analysis.alpha)
            adjusted[one.variant] = _with(one, family.adjusted(one.pvalue or 0.0), level, procedure)
    else:
        pvalues = [one.pvalue for one in known]
        level, name = adjusted_ci_level(pvalues, procedure, spec.analysis.alpha)
        for one, pvalue in zip(known, adjust(pvalues, procedure), strict=True):
            adjusted[one.variant] = _with(one, pvalue, level, name)
    return tuple(adjusted.get(one.variant, one) for one in variants)


def told_of_several(variants: Sequence[VariantMoney]) -> str | None:
    """The intervals that the decision takes, in words; None where they are no others."""
    told = [
        sentence(
            "{variant} {low:+,.4g} to {high:+,.4g}",
            variant=one.variant,
            low=one.ci_low_adjusted,
            high=one.ci_high_adjusted,
        )
        for one in variants
        if one.ci_low_adjusted is not None and one.ci_high_adjusted is not None
    ]
    if not told:
        return None
    return sentence(
        "The decision takes wider intervals, which allow for there being several variants: {told}.",
        told=joined("; ", told),
    )


def _variance(found: MoneyFound, variant: str) -> float:
    """The variance of a variant's mean contribution."""
    summary = found.profit[variant].summary
    if not isinstance(summary, Moments):
        raise TypeError("contribution is compared from moments")
    return summary.m2 / (summary.n - 1) / summary.n


def _with(
    one: VariantMoney, pvalue: float | None, ci_level: float, name: str | None
) -> VariantMoney:
    half = t_quantile(one.df if one.df is not None else float("inf"), ci_level) * (one.se or 0.0)
    centre = one.difference or 0.0
    return one.model_copy(
        update={
            "pvalue_adjusted": pvalue,
            "ci_low_adjusted": centre - half,
            "ci_high_adjusted": centre + half,
            "ci_adjustment": name,
        }
    )
