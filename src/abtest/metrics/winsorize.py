"""A cap on each unit's value: a second reading of a sum or a mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import Block


class Winsorize(Block):
    """Cap each unit's value, at a cap that was fixed before the results were seen.

    The metric itself stays as it is; the capped values are a second reading beside it.
    """

    cap: Annotated[float, Field(gt=0)] | None = None
    """The cap, in the metric's unit; the same for all variants."""
    upper: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    """Instead of a cap: the share of units in history that is at or below it, such as 0.999."""
    from_: Annotated[Literal["history"] | None, Field(alias="from")] = None
    """With upper: history. `abtest freeze --history` computes the cap and keeps it in the lock."""

    @model_validator(mode="after")
    def _check(self) -> Winsorize:
        by_history = (self.upper is not None, self.from_ is not None)
        if by_history != ((self.cap is None),) * 2:
            raise PydanticCustomError(
                "winsorize",
                "must be a cap such as {cap: 480}, or {upper: 0.999, from: history}",
            )
        return self
