"""The verdict on a variant, beside the numbers that it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.analysis.decision import standings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abtest.analysis.money.result import Money
    from abtest.analysis.result import Decision, Record, Verdict
    from abtest.spec import Spec

# Lines of the rule that are about the experiment: no variant was held against it.
_BEFORE_VARIANTS = ("maturity", "label")


def with_verdicts(
    spec: Spec, records: Sequence[Record], decision: Decision, money: Money | None = None
) -> tuple[Record, ...]:
    """The records with the verdict on their variant, where they are of a primary metric.

    Args:
        spec: The spec.
        records: All records.
        decision: What ``decide`` made of them; after a failed check every record is invalid.
        money: The decision in money that it was given.
    """
    if decision.verdict == "invalid":
        return tuple(record.model_copy(update={"verdict": "invalid"}) for record in records)
    if decision.verdict is None:
        return tuple(records)
    said: dict[str, Verdict] = {variant.key: "inconclusive" for variant in spec.treatments}
    if decision.rule_line not in _BEFORE_VARIANTS:
        whole = [record for record in records if record.segment is None]
        said |= {one.variant: one.standing for one in standings_of(spec, whole, money)}
    return tuple(
        record.model_copy(update={"verdict": said[record.variant]})
        if _decides(record) and record.variant in said
        else record
        for record in records
    )


def undecided(records: Sequence[Record]) -> tuple[Record, ...]:
    """The records of a decision that is held back: none of them ships or calls anything the same.

    Example:
        >>> undecided(())
        ()
    """
    return tuple(
        record.model_copy(update={"verdict": "inconclusive"})
        if record.verdict in {"ship", "neutral"}
        else record
        for record in records
    )


def _decides(record: Record) -> bool:
    return record.role == "primary" and record.segment is None and record.label != "descriptive"
