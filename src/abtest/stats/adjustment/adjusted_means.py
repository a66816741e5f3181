"""Adjusted values of all variants with their joint covariance, and comparisons of any two."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from abtest.sentences import sentence
from abtest.stats.absent import problems_of, without_inference
from abtest.stats.adjustment.correlated_pivot import Pair, correlated_comparison
from abtest.stats.means.t_pivot import Level, t_estimate
from abtest.stats.tails import check_ci_level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.stats.comparison import Comparison, Estimate

METHOD = "regression_adjustment"
_ROUNDING = 1e-12  # what is left of equal slopes after subtracting them


@dataclass(frozen=True, slots=True)
class AdjustedComparison:
    """A comparison of adjusted values, with the unadjusted one beside it.

    Attributes:
        comparison: Treatment against control after adjustment.
        unadjusted_difference: Treatment minus control before it; None where there is none.
        unadjusted_se: Its standard error; None where it is not known.
        variance_reduction: 1 - se^2 / unadjusted_se^2, negative where the adjustment lost
            precision; None where nothing was adjusted for.
    """

    comparison: Comparison
    unadjusted_difference: float | None
    unadjusted_se: float | None
    variance_reduction: float | None


@dataclass(frozen=True, slots=True)
class AdjustedMeans:
    """The adjusted values of all variants of one metric, with their joint covariance.

    Attributes:
        variants: The variants' keys.
        levels: Each variant's adjusted value; the variance is that of the residuals alone.
        unadjusted: Each variant's value before adjustment.
        shared: b_a' S b_b / N for each two variants: the part of the covariance that comes from
            the common mean of the covariates, which is an estimate too.
        units: Units over all variants, N.
        covariates: The columns that were adjusted for.
        slopes: For each variant, the outcome's change per unit of each history column of
            ``Columns``; 0 for those not adjusted for, empty where nothing is.
        notes: Which were not, and what needs care.
    """

    variants: tuple[str, ...]
    levels: tuple[Level, ...]
    unadjusted: tuple[Level, ...]
    shared: tuple[tuple[float, ...], ...]
    units: int
    covariates: tuple[str, ...]
    slopes: tuple[tuple[float, ...], ...]
    notes: tuple[str, ...]

    def covariance(self, one: str, other: str) -> float | None:
        """The covariance of two adjusted values; the variance where both are the same.

        Args:
            one: A variant's key.
            other: Another's, or the same.

        Returns:
            The covariance, in the metric's unit squared; None where a variance is unknown.

        Raises:
            KeyError: There is no such variant.
        """
        a, b = self._place(one), self._place(other)
        residual = self.levels[a].variance
        if residual is None or self.levels[b].variance is None:
            return None
        return self.shared[a][b] + (residual if a == b else 0.0)

    def pair(self, control: str, treatment: str) -> Pair | str:
        """Two adjusted values with their joint variance, or why there is none.

        Args:
            control: The control's key.
            treatment: The treatment's key.

        Returns:
            The two; a sentence where a variance is unknown or nothing varies.

        Raises:
            KeyError: There is no such variant.
        """
        a, b = self._place(control), self._place(treatment)
        base, other = self.levels[a], self.levels[b]
        if base.value is None or other.value is None or base.problem or other.problem:
            return problems_of(base.problem, other.problem)
        residual_base, residual = base.variance or 0.0, other.variance or 0.0
        slopes = self._from_slopes(a, b)
        if residual_base + residual + slopes == 0:
            return sentence("nothing is left to vary: there is nothing to test against")
        parts = [(residual_base, base.df), (residual, other.df), (slopes, self.units - 1)]
        return Pair(
            value_control=base.value,
            value=other.value,
            variance_control=residual_base + self.shared[a][a],
            variance=residual + self.shared[b][b],
            covariance=self.shared[a][b],
            df=_pooled_df(parts),
        )

    def compare(self, control: str, treatment: str, ci_level: float = 0.95) -> AdjustedComparison:
        """Compare two variants after adjustment.

        Args:
            control: The control's key.
            treatment: The treatment's key.
            ci_level: Coverage of the intervals, between 0 and 1.

        Returns:
            The comparison; without inference where a variance is unknown or nothing varies.

        Raises:
            KeyError: There is no such variant.
            ValueError: ``ci_level`` is no coverage.
        """
        check_ci_level(ci_level)
        places = self._place(control), self._place(treatment)
        after = self._compare(control, treatment, ci_level)
        plain_control, plain = (self.unadjusted[place] for place in places)
        difference = se = reduction = None
        if plain_control.value is not None and plain.value is not None:
            difference = plain.value - plain_control.value
        if plain_control.variance is not None and plain.variance is not None:
            se = math.sqrt(plain_control.variance + plain.variance)
        if self.covariates and after.se is not None and se:
            reduction = 1 - (after.se / se) ** 2
            after = replace(after, notes=(*after.notes, *_small_gain(reduction)))
        return AdjustedComparison(after, difference, se, reduction)

    def estimate(self, variant: str, ci_level: float = 0.95) -> Estimate:
        """One variant's adjusted value with its t interval.

        Args:
            variant: The variant's key.
            ci_level: Coverage of the interval, between 0 and 1.

        Returns:
            The estimate; without an interval where the variance is unknown or zero.

        Raises:
            KeyError: There is no such variant.
            ValueError: ``ci_level`` is no coverage.
        """
        place = self._place(variant)
        level, shared = self.levels[place], self.shared[place][place]
        if level.variance is not None and level.variance + shared > 0:
            df = _pooled_df([(level.variance, level.df), (shared, self.units - 1)])
            level = Level(level.value, level.variance + shared, df)
        return t_estimate(level, ci_level, METHOD)

    def _place(self, variant: str) -> int:
        if variant not in self.variants:
            raise KeyError(f"{variant} is no variant; there are {', '.join(self.variants)}.")
        return self.variants.index(variant)

    def _compare(self, control: str, treatment: str, ci_level: float) -> Comparison:
        pair = self.pair(control, treatment)
        if isinstance(pair, Pair):
            return correlated_comparison(pair, ci_level=ci_level, method=METHOD, notes=self.notes)
        base, other = (self.levels[self._place(key)] for key in (control, treatment))
        bare = without_inference(
            base.value, other.value, ci_level=ci_level, method=METHOD, note=pair
        )
        return replace(bare, notes=(pair, *self.notes))

    def _from_slopes(self, a: int, b: int) -> float:
        """(b_a - b_b)' S (b_a - b_b) / N: what unlike slopes add to the variance."""
        squares = self.shared[a][a] + self.shared[b][b]
        unlike = squares - 2 * self.shared[a][b]
        return unlike if unlike > _ROUNDING * squares else 0.0


def _pooled_df(parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946, eq. 17)."""
    total = math.fsum(variance for variance, _ in parts)
    return 1 / math.fsum((variance / total) ** 2 / df for variance, df in parts if variance > 0)


def _small_gain(reduction: float) -> tuple[str, ...]:
    """What to say where the covariates did not help."""
    if reduction < 0:
        return (
            sentence(
                "the covariates do not explain the outcome: the adjustment raised the variance"
            ),
        )
    if reduction < 0.01:
        return (
            sentence(
                "the covariates gain next to nothing: {share:.2%} of the variance", share=reduction
            ),
        )
    return ()
