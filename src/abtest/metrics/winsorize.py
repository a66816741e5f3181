"""A cap on each unit's value: a second reading of a sum or a mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from abtest.fields import Block


class Winsorize(Block):
    """Cap each unit's value, at a cap that was fixed before the results were seen.

    The metric itself stays as it is; the capped values are a second reading beside it.
    """

    cap: Annotated[float, Field(gt=0)]
    """The cap, in the metric's unit; the same for all variants."""

    @model_validator(mode="before")
    @classmethod
    def _not_from_history(cls, given: object) -> object:
        if isinstance(given, dict) and {"upper", "from"} & given.keys():
            raise PydanticCustomError(
                "winsorize",
                "takes its cap from history, which this version cannot fix before the results are "
                "seen",
                {"hint": "write the cap itself, such as `winsorize: {cap: 480}`"},
            )
        return given
