"""The frozen plan as text: whether there is one, and every change since with its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abtest.report.languages import _, date, named, native
from abtest.report.numbers import ABSENT
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import PlanChange, PlanLock

TITLE = phrase("The frozen plan")
MEANING = phrase(
    "What was written down before anybody looked, and every change since. Confirmatory numbers "
    "rest on the plan as it was frozen, amended ones on a change with a reason; exploratory ones "
    "are a hint for the next experiment."
)
COLUMNS = (phrase("Path"), phrase("Frozen"), phrase("Present"), phrase("Status"), phrase("Reason"))
_STATUS = {
    "amended": phrase("amended on {on}"),
    "silent": phrase("changed, and nobody said why"),
    "exploratory": phrase("added to explore"),
}
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class LockRow:
    """One change since the plan was frozen.

    Attributes:
        path: Where in the spec.
        frozen: The plan's value, or a dash.
        present: The value in its place, or a dash.
        status: What became of it, in words.
        reason: Why, in the words of whoever amended it; a dash where nobody said.
        is_silent: Whether nobody said why.
    """

    path: str
    frozen: str
    present: str
    status: str
    reason: str
    is_silent: bool


@dataclass(frozen=True, slots=True)
class LockView:
    """The section on the frozen plan.

    Attributes:
        title: The section's title.
        meaning: What it means.
        header: The columns of the changes.
        told: When it was frozen, and whether it still holds.
        rows: Every change, oldest first.
        fixed: What history fixed, as (path, value).
    """

    title: str
    meaning: str
    header: tuple[str, ...]
    told: str
    rows: tuple[LockRow, ...]
    fixed: tuple[tuple[str, str], ...]


def build_lock(lock: PlanLock) -> LockView | None:
    """The section; None where no plan was frozen, which `lock_fact` says."""
    if lock.frozen_on is None:
        return None
    return LockView(
        title=_(TITLE),
        meaning=_(MEANING),
        header=tuple(_(column) for column in COLUMNS),
        told=lock_fact(lock),
        rows=tuple(_row(change) for change in lock.changes),
        fixed=tuple((named(path), _value(value)) for path, value in sorted(lock.fixed.items())),
    )


def lock_fact(lock: PlanLock) -> str:
    """Whether there is a frozen plan and it holds, in one sentence."""
    if lock.frozen_on is None:
        return _("not frozen")
    on = date(lock.frozen_on)
    if lock.status == "as_frozen":
        return _("Frozen on {on}; nothing has changed since.", on=on)
    if lock.status == "amended":
        return _("Frozen on {on}; every change since has a reason.", on=on)
    if lock.status == "missing":
        return _("Frozen on {on}; the lock is gone since.", on=on)
    return _("Frozen on {on}; the spec differs, and nobody said why.", on=on)


def _row(change: PlanChange) -> LockRow:
    status = _(_STATUS[change.status], on="" if change.on is None else date(change.on))
    if change.status == "amended" and change.exploratory:
        status = _("{status}; no reason makes it good", status=status)
    return LockRow(
        path=named(change.path),
        frozen=_value(change.frozen),
        present=_value(change.present),
        status=status,
        reason=ABSENT if change.reason is None else named(change.reason),
        is_silent=change.status == "silent",
    )


def _value(value: Any) -> str:  # noqa: ANN401 - whatever the spec holds
    """A value as the spec writes it; a long block is cut, the JSON has all of it."""
    if value is None:
        return ABSENT
    if isinstance(value, int | float) and not isinstance(value, bool):
        return native(f"{value:.12g}")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return named(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
