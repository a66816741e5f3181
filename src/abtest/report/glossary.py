"""The words that a report explains: those that it uses, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abtest.report import words
from abtest.report.languages import _, native
from abtest.report.numbers import ABSENT

if TYPE_CHECKING:
    from abtest.report.rows import Row
    from abtest.report.view import View


def glossary_of(view: View) -> tuple[tuple[str, str], ...]:
    """Each word that the view uses, with its meaning, both in English as in the catalogues."""
    compared = [row for group in view.comparisons for row in group.rows]
    described = [] if view.estimates is None else list(view.estimates.rows)
    used = {
        "variant": bool(compared or described),
        "interval": bool(compared or described or view.curves),
        "descriptive": any(row.is_descriptive for row in (*compared, *described)),
        **_of_comparisons(compared),
        **_of_groups(view),
        **_of_counts(view),
        "rope": any(group.has_rope for group in view.comparisons),
        "boundary": bool(view.looks),
        "smallest_lift": any(row.is_effect for row in view.planned),
    }
    return tuple(entry for key, entry in words.GLOSSARY.items() if used[key])


def _of_comparisons(rows: list[Row]) -> dict[str, bool]:
    return {
        "control": bool(rows),
        "lift": any(not row.is_ratio for row in rows),
        "difference": any(not row.is_ratio for row in rows),
        "pvalue": any(row.pvalue != ABSENT for row in rows),
        "adjusted_p": any(row.pvalue_adjusted is not None for row in rows),
        "prob_beats_control": any(row.has_posterior for row in rows),
        "expected_loss": any(row.expected_loss != ABSENT for row in rows),
        "hazard_ratio": any(row.is_ratio for row in rows),
    }


def _of_groups(view: View) -> dict[str, bool]:
    roles = {group.role for group in view.comparisons}
    tags = {tag for group in view.comparisons for row in group.rows for tag in row.tags}
    return {
        "guardrail": "guardrail" in roles,
        "primary": "primary" in roles,
        "exploratory": "exploratory" in roles or _("exploratory") in tags,
        "segment": "segments" in roles,
    }


def _of_counts(view: View) -> dict[str, bool]:
    rows = [row for counts in view.counts for row in counts.rows]
    return {
        "mature": any(row.mature != ABSENT for row in rows),
        "ineligible": any(row.ineligible not in {ABSENT, native("0")} for row in rows),
    }
