"""The only place that reads the clock: which day is today, where nobody says."""

from __future__ import annotations

from datetime import date, datetime

import typer


def day(on: str | None) -> str:
    """The day that ``--on`` gives, or today, as an ISO date."""
    if on is None:
        return datetime.now().astimezone().date().isoformat()  # noqa: TID251 - the default of --on
    try:
        return date.fromisoformat(on).isoformat()
    except ValueError as error:
        raise typer.BadParameter(f"--on is {on!r}; it must be a date such as 2026-03-04") from error
