"""A result that has something for every section of the page; its numbers fit together by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from report.report_fixtures import SPEC, record, rich_result

if TYPE_CHECKING:
    from abtest.analysis.result import Result

LOOKS = 12
TIERS = {"tier=high": 0.12, "tier=low": 0.02, "tier=تازه": -0.03}


def look(number: int, **changes: Any) -> dict[str, Any]:
    """One of twelve looks at a difference of about a point, with O'Brien-Fleming's boundary."""
    share = number / LOOKS
    difference, se = 0.004 + 0.009 * (1 - math.exp(-number / 5)), 0.0037 / math.sqrt(share)
    boundary = 2 / math.sqrt(share)
    ends = difference - boundary * se, difference + boundary * se
    return {
        "metric": "repeat_purchase_30d", "variant": "coupon", "date": f"2026-02-{number:02}",
        "n": round(12345 * share), "n_control": round(24680 * share), "difference": difference,
        "ci_low": ends[0], "ci_high": ends[1], "lift": difference / 0.121,
        "lift_ci_low": ends[0] / 0.121, "lift_ci_high": ends[1] / 0.121,
        "information_fraction": share, "statistic": difference / se, "boundary": boundary,
        "crossed": difference / se > boundary, **changes,
    }  # fmt: skip


def full_result() -> Result:
    """Segments, looks, a plan, a region of practical equivalence and money."""
    made = rich_result()
    spec = {
        **SPEC,
        "schedule": {"start": "2026-01-05", "enrol_until": "2026-01-19"},
        "metrics": [{"key": "repeat_purchase_30d", "mde": {"relative": 0.05}}, *SPEC["metrics"]],
        "analysis": {**SPEC["analysis"], "bayes": {"rope": {"relative": 0.01}}},
    }
    segments = [
        record(
            segment=tier, variant=variant, contrast=variant, role="secondary", lift=lift,
            lift_ci_low=lift - 0.08, lift_ci_high=lift + 0.09,
        )
        for tier, lift in TIERS.items()
        for variant in ("coupon", "coupon_freeship")
    ]  # fmt: skip
    split = {
        "variants": ["control", "coupon", "coupon_freeship"],
        "counts": [24921, 12465, 12502],
        "expected_shares": [0.5, 0.25, 0.25],
    }
    whole = [
        one.model_copy(update={"prob_in_rope": 0.03 if one.prob_beats_control else None})
        for one in made.results
    ]
    interaction = {
        "reading": "segment_interaction", "metric": "repeat_purchase_30d", "variant": "coupon",
        "segment": "tier", "pvalue": 0.031, "pvalue_adjusted": 0.062,
    }  # fmt: skip
    plan = {
        "units": {"control": 25000, "coupon": 12500, "coupon_freeship": 12500},
        "metrics": [{"metric": "repeat_purchase_30d", "baseline": 0.12, "power": 0.8}],
    }
    money = {"value": 18400.0, "value_ci_low": 5200.0, "value_ci_high": 31200.0}
    return made.model_copy(
        update={
            "spec": spec,
            "checks": (made.checks[0].model_copy(update={"details": split}), *made.checks[1:]),
            "results": (*whole, *segments),
            "looks": tuple(look(number) for number in range(1, LOOKS + 1)),
            "sensitivity": (interaction,),
            "plan": plan,
            "decision": made.decision.model_copy(update=money),
        }
    )
