"""What people decided on an experiment: ``decision.json``, a history that only grows."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from abtest.analysis.archive.saved_results import Kept
from abtest.analysis.result import Verdict  # noqa: TC001 - pydantic reads it at run time
from abtest.analysis.result_file import read_document
from abtest.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from abtest.analysis.result import Result

FILE = "decision.json"
Decided = Literal["ship", "rollback", "neutral", "inconclusive", "abandoned"]


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


class Recommendation(Kept):
    """What the result said that the decision was taken on.

    Attributes:
        result: The file of the result, relative to the experiment's folder.
        as_of: Up to when its data were complete; None for data in columns.
        verdict: What it recommended; None for a result that compares nothing.
        variant: The variant that it names.
        reason: Its sentence.
    """

    result: str
    as_of: str | None = None
    verdict: Verdict | None = None
    variant: str | None = None
    reason: str

    @property
    def named(self) -> str:
        """The verdict, and its variant where it says what to do with one."""
        return named(self.verdict, self.variant)


def named(verdict: str | None, variant: str | None) -> str:
    """A recommendation in words: to ship or roll back a variant, else the verdict alone.

    Example:
        >>> named("ship", "coupon"), named("inconclusive", "coupon")
        ('ship coupon', 'inconclusive')
    """
    about = variant if verdict in ("ship", "rollback") else None
    return " ".join(word for word in (verdict, about) if word)


class HumanDecision(Kept):
    """One decision.

    Attributes:
        verdict: What was decided; ``abandoned`` ends an experiment without an answer.
        variant: The variant that it is about; a variant that is shipped always has a name.
        on: The day, as an ISO date.
        by: Who decided.
        why: The reason; never empty where the decision is against the recommendation.
        against: Whether it is against the recommendation.
        recommended: What the newest result said; None where there was none.
    """

    verdict: Decided
    variant: str | None = None
    on: Annotated[str, AfterValidator(_day)]
    by: str | None = None
    why: str | None = None
    against: bool
    recommended: Recommendation | None = None

    def sentence(self) -> str:
        """The decision in one sentence, as every report of the experiment shows it.

        Example:
            >>> told = HumanDecision(verdict="ship", variant="b", on="2026-03-04", against=False)
            >>> told.sentence()
            'Decided on 2026-03-04: ship b.'
        """
        what = self.verdict if self.variant is None else f"{self.verdict} {self.variant}"
        who = f" by {self.by}" if self.by else ""
        told = f"Decided on {self.on}{who}: {what}"
        if self.against and self.recommended is not None:
            told += f", against the recommendation ({self.recommended.named})"
        return f"{told}, because: {_ended(self.why)}" if self.why else f"{told}."


class Decisions(Kept):
    """All decisions on one experiment, the oldest first; the last one holds."""

    schema_: Literal["abtest-decisions/v1"] = "abtest-decisions/v1"
    experiment: str
    decisions: tuple[HumanDecision, ...] = ()

    def to_json(self) -> str:
        """The history as JSON, one change per line, for git."""
        data = self.model_dump(mode="json")
        data = {"schema": data.pop("schema_"), **data}
        return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def recommendation_of(result: Result, file: str) -> Recommendation:
    """What a result recommends."""
    found = result.decision
    return Recommendation(
        result=file,
        as_of=result.as_of,
        verdict=found.verdict,
        variant=found.variant,
        reason=found.reason,
    )


def is_against(verdict: Decided, variant: str | None, recommended: Recommendation | None) -> bool:
    """Whether a decision differs from what the result recommends.

    A result that compares nothing recommends nothing, and to abandon an experiment is no answer to
    its question. An invalid result recommends not to decide: ``inconclusive`` is in line with it.
    """
    if recommended is None or recommended.verdict is None or verdict == "abandoned":
        return False
    if recommended.verdict == "invalid":
        return verdict != "inconclusive"
    if verdict != recommended.verdict:
        return True
    return verdict == "ship" and variant != recommended.variant


def read_decisions(folder: Path) -> Decisions | None:
    """The decisions in an experiment's folder; None where there are none.

    Raises:
        DataError: The file is there and cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return None
    return read_document(path, Decisions, "history of decisions", "`abtest decide` writes one.")


def _ended(text: str) -> str:
    return text if text[-1:] in (".", "!", "?") else f"{text}."


def with_decision(result: Result, folder: Path) -> Result:
    """The result with the last decision on its experiment, for showing; never for keeping.

    What was decided is no part of what was found: the file of a result stays as it was.
    """
    try:
        history = read_decisions(folder)
    except DataError as error:  # to be seen, but no reason to hide what was found
        return result.model_copy(update={"decided": str(error)})
    if history is None or not history.decisions or history.experiment != result.experiment:
        return result
    return result.model_copy(update={"decided": history.decisions[-1].sentence()})
