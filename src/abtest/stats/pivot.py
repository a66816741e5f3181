"""From one pivot to a comparison: p-value, difference and lift by a single statistic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.stats.absent import CONTROL_NOT_POSITIVE, LIFT_UNBOUNDED
from abtest.stats.comparison import Comparison, Interval
from abtest.stats.tails import normal_pvalue, normal_quantile, t_pvalue, t_quantile

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Pivot:
    """Two values, the standard error of their difference, and what it is compared with.

    Attributes:
        value_control: The control's value.
        value: The treatment's value.
        se: The standard error of their difference, above 0.
        df: Degrees of freedom of t; None for the normal distribution.
    """

    value_control: float
    value: float
    se: float
    df: float | None

    def comparison(
        self,
        fieller: Callable[[float], Interval | None],
        *,
        ci_level: float,
        method: str,
        notes: tuple[str, ...] = (),
    ) -> Comparison:
        """The comparison.

        Args:
            fieller: The lift's interval at a critical value, by the same statistic; asked only
                where control's value is positive.
            ci_level: Coverage of the intervals, between 0 and 1.
            method: The method's kind.
            notes: What else is to be said.

        Returns:
            The comparison; without a lift where control's value is not positive.

        Raises:
            ValueError: ``ci_level`` is no coverage.

        Example:
            >>> pivot = Pivot(10.0, 12.0, 1.0, 198)
            >>> pivot.comparison(lambda _: None, ci_level=0.95, method="any").statistic
            2.0
        """
        quantile = normal_quantile(ci_level) if self.df is None else t_quantile(self.df, ci_level)
        difference = self.value - self.value_control
        statistic = difference / self.se
        lift = lift_ci = None
        reasons: tuple[str, ...] = (CONTROL_NOT_POSITIVE,)
        if self.value_control > 0:
            lift = difference / self.value_control
            lift_ci = fieller(quantile)
            reasons = () if lift_ci else (LIFT_UNBOUNDED,)
        half_width = quantile * self.se
        return Comparison(
            value=self.value,
            value_control=self.value_control,
            difference=difference,
            difference_ci=Interval(difference - half_width, difference + half_width),
            lift=lift,
            lift_ci=lift_ci,
            se=self.se,
            statistic=statistic,
            df=self.df,
            pvalue=normal_pvalue(statistic) if self.df is None else t_pvalue(statistic, self.df),
            ci_level=ci_level,
            method=method,
            notes=(*reasons, *notes),
        )
