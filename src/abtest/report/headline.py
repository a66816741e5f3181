"""The verdict, and what forbids using the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.report import numbers, words
from abtest.report.languages import _, currency, date, tell
from abtest.report.numbers import ABSENT
from abtest.report.text import clean
from abtest.sentences import Sentence, in_sentence

if TYPE_CHECKING:
    from abtest.analysis.result import Result


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict.

    Attributes:
        tone: The verdict's key for colouring, or ``none`` where there is no verdict.
        word: The verdict in words; None where there is no verdict.
        variant: Which variant to ship or roll back; None where the verdict names none.
        reason: The sentence that explains it.
        value: What it is worth, with its interval; None where money was not asked for.
        rule: Which line of the decision rule spoke; None where there is no rule.
        decided: What people made of it, and why; None where nothing was decided yet.
    """

    tone: str
    word: str | None
    variant: str | None
    reason: str
    value: str | None
    rule: str | None
    decided: str | None = None


def build_headline(result: Result) -> Headline:
    """The verdict in words, with its reason."""
    decision = result.decision
    names_variant = decision.verdict in {"ship", "rollback"}
    return Headline(
        tone=decision.verdict or "none",
        word=None if decision.verdict is None else words.verdict(decision.verdict),
        variant=clean(decision.variant) if names_variant and decision.variant else None,
        reason=_reason(result),
        value=_worth(result),
        rule=_(clean(decision.rule_line)) if decision.rule_line else None,
        decided=clean(result.decided) if result.decided else None,
    )


def _reason(result: Result) -> str:
    """The reason without the verdict in front, which the headline already says."""
    decision = result.decision
    reason = decision.reason
    if isinstance(reason, Sentence) and "why" in reason.values:
        return tell(reason.values["why"])
    if decision.verdict is None or isinstance(reason, Sentence):
        return tell(reason)
    lead = f"{words.VERDICT_WORDS[decision.verdict]} {in_sentence(decision.variant or '')}: "
    return tell(reason.removeprefix(lead))


def _worth(result: Result) -> str | None:
    decision = result.decision
    if decision.value is None:
        return None
    data = result.spec.get("data")
    code = data.get("currency") if isinstance(data, dict) else None
    amount, interval = numbers.money(decision.value, decision.value_ci_low, decision.value_ci_high)
    told = _("{currency} {amount}", currency=currency(code), amount=amount) if code else amount
    return told if interval == ABSENT else f"{told} ({interval})"


def build_banners(result: Result) -> tuple[str, ...]:
    """Why the numbers must not be used as they are: the causes of exit codes 5, 3 and 4."""
    banners = []
    if result.exit_code == 5:
        gone = result.lock.status == "missing"
        banners.append(_(words.LOCK_IS_GONE_BANNER) if gone else _(words.DRIFTED_BANNER))
    if any(check.status == "fail" for check in result.checks):
        banners.append(_(words.FAILED_BANNER))
    whole = [record for record in result.results if record.segment is None]
    primary = [record for record in whole if record.role == "primary"]
    if primary and all(record.n == 0 or record.n_control == 0 for record in primary):
        # Where nobody waits, nobody is eligible or was assigned, and no date will change that.
        waiting = [one for one in primary if one.n_immature or one.n_immature_control]
        dates = sorted({one.readable_on for one in waiting if one.readable_on})
        told = _(words.UNREADABLE_BANNER)
        if dates:
            told += " " + _("The first is readable on {day}.", day=date(dates[0]))
        banners.append(told)
    return tuple(banners)
