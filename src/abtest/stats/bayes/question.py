"""What is asked of a posterior."""

from __future__ import annotations

from dataclasses import dataclass

from abtest.stats.tails import check_ci_level


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a posterior.

    Attributes:
        increase: Whether a higher value is better.
        ci_level: Coverage of the credible intervals, strictly between 0 and 1.
        rope: A relative lift that is practically nothing, such as 0.01, strictly between 0 and 1;
            None where there is none.

    Raises:
        ValueError: ``ci_level`` or ``rope`` is out of range.
    """

    increase: bool = True
    ci_level: float = 0.95
    rope: float | None = None

    def __post_init__(self) -> None:
        check_ci_level(self.ci_level)
        if self.rope is not None and not 0 < self.rope < 1:
            raise ValueError(f"rope is {self.rope}; it must lie strictly between 0 and 1.")

    @property
    def tail(self) -> float:
        """Probability beyond each end of a credible interval."""
        return (1 - self.ci_level) / 2
