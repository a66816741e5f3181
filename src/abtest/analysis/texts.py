"""The type of a text for people in a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import WrapValidator

from abtest.sentences import Sentence

if TYPE_CHECKING:
    from pydantic import ValidatorFunctionWrapHandler


def _keep(value: object, plain: ValidatorFunctionWrapHandler) -> object:
    return value if isinstance(value, Sentence) else plain(value)


Text = Annotated[str, WrapValidator(_keep)]
"""A text for people; a `Sentence` stays one."""
