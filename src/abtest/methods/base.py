"""What every method of comparison has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from abtest.stats.summaries import Summary

if TYPE_CHECKING:
    from abtest.stats.comparison import Comparison, Estimate

S = TypeVar("S")


class MethodBase(BaseModel, ABC):
    """A way to compare two variants. A subclass adds ``kind``, a literal that names it.

    Attributes:
        takes: The type of summary that the method works on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    takes: ClassVar[type[Summary]]

    @abstractmethod
    def compare(self, control: Summary, treatment: Summary, ci_level: float) -> Comparison:
        """Compare treatment with control.

        Args:
            control: The control's summary, of the type in ``takes``.
            treatment: The treatment's summary, of the same type.
            ci_level: Coverage of the intervals, between 0 and 1.

        Returns:
            The comparison.

        Raises:
            TypeError: A summary is of another type.
            ValueError: ``ci_level`` is no coverage.
        """

    @abstractmethod
    def estimate(self, summary: Summary, ci_level: float) -> Estimate:
        """One variant's own value with its own interval.

        Args:
            summary: The variant's summary, of the type in ``takes``.
            ci_level: Coverage of the interval, between 0 and 1.

        Returns:
            The estimate.

        Raises:
            TypeError: The summary is of another type.
            ValueError: ``ci_level`` is no coverage.
        """


def expect(wanted: type[S], summary: object) -> S:
    """The summary, if it is of the wanted type.

    Raises:
        TypeError: It is not.

    Example:
        >>> from abtest.stats.summaries import Proportion
        >>> expect(Proportion, Proportion(n=5, successes=2)).value
        0.4
    """
    if not isinstance(summary, wanted):
        raise TypeError(
            f"the summary is {type(summary).__name__}; this method takes {wanted.__name__}."
        )
    return summary
