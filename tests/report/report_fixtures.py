"""Results made by hand, with numbers that can be checked by eye."""

from __future__ import annotations

from typing import Any

from abtest.analysis.result import (
    Check,
    Decision,
    Record,
    Result,
    VariantEstimate,
    WaterfallStep,
)

PERSIAN = "گروه شاهد"
ARABIC = "مجموعة القسيمة"
CHINESE = "优惠券组合"
EMOJI = "🎁 gift"
SCRIPT = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://evil.example","x")'
MARKUP = "[bold]loud[/bold]"
ANSI = "\x1b[31mred\x1b[0m"
HOSTILE = (SCRIPT, FORMULA, MARKUP, ANSI, PERSIAN, ARABIC, CHINESE, EMOJI)

SPEC: dict[str, Any] = {
    "spec": "abtest/v1",
    "key": "winback",
    "title": "Win-back incentive mix",
    "hypothesis": "Lapsed customers given free shipping as well as 10% off buy again more often.",
    "data": {"currency": "EUR"},
    "metrics": [{"key": "revenue_60d", "title": "Revenue in 60 days"}],
    "analysis": {"correction": {"primary": "holm", "secondary": "bh"}},
}


def record(**changes: Any) -> Record:
    """A primary record with every number present; the changes replace fields."""
    fields: dict[str, Any] = {
        "experiment": "winback",
        "metric": "repeat_purchase_30d",
        "kind": "repeat_purchase",
        "role": "primary",
        "family": "primary",
        "label": "confirmatory",
        "contrast": "coupon",
        "variant": "coupon",
        "control": "control",
        "n": 12345,
        "n_control": 24680,
        "n_assigned": 12465,
        "n_immature": 120,
        "n_immature_control": 241,
        "n_ineligible": 0,
        "value": 0.1340,
        "value_control": 0.1210,
        "difference": 0.0130,
        "difference_ci_low": 0.0058,
        "difference_ci_high": 0.0203,
        "lift": 0.1074,
        "lift_ci_low": 0.0469,
        "lift_ci_high": 0.1705,
        "se": 0.0037,
        "statistic": 3.53,
        "pvalue": 0.00041,
        "pvalue_adjusted": 0.00082,
        "ci_level": 0.95,
        "coherent": True,
        "method": "miettinen_nurminen",
        "bayes_model": "normal_log_lift",
        "prior_mean": 0.0,
        "prior_sd": 0.05,
        "prob_beats_control": 0.9994,
        "prob_best": 0.412,
        "expected_loss": 0.000012,
        "posterior_lift": 0.0801,
        "posterior_lift_low": 0.0312,
        "posterior_lift_high": 0.1310,
        "verdict": "ship",
    }
    return Record(**{**fields, **changes})


def absent(**changes: Any) -> Record:
    """A record without any number but its counts."""
    empty = [
        "value", "value_control", "difference", "difference_ci_low", "difference_ci_high", "lift",
        "lift_ci_low", "lift_ci_high", "se", "statistic", "pvalue", "pvalue_adjusted", "coherent",
        "method", "bayes_model", "prior_mean", "prior_sd", "prob_beats_control", "prob_best",
        "expected_loss", "posterior_lift", "posterior_lift_low", "posterior_lift_high", "verdict",
    ]  # fmt: skip
    return record(**{**dict.fromkeys(empty), **changes})


def result(**changes: Any) -> Result:
    """A result around the records; the changes replace fields."""
    fields: dict[str, Any] = {
        "experiment": "winback",
        "spec": SPEC,
        "spec_fingerprint": "sha256:5d41402abc4b2a76b9719d911017c592",
        "seed": "winback-2026-01",
        "timezone": "Europe/Berlin",
        "as_of": "2026-03-01T00:00:00+01:00",
        "data_fingerprints": {"orders": "sha256:7d793037a0760186574b0282f2f435e7"},
        "abtest_version": "0.1.0",
        "checks": [
            Check(key="sample_ratio", status="pass", message="24,921 and 12,465 units; p = 0.41."),
            Check(key="duplicate_rows", status="pass", message="No row occurs twice."),
        ],
        "waterfall": [
            WaterfallStep(step="assigned", variant="control", n=24921),
            WaterfallStep(step="assigned", variant="coupon", n=12465),
            WaterfallStep(metric="repeat_purchase_30d", step="mature", variant="control", n=24680),
            WaterfallStep(metric="repeat_purchase_30d", step="mature", variant="coupon", n=12345),
        ],
        "results": [record()],
        "decision": Decision(
            verdict="ship",
            variant="coupon",
            rule_line="primary",
            reason="Ship coupon: coupon made more customers buy again and no guardrail was harmed.",
        ),
    }
    return Result(**{**fields, **changes})


def rich_result() -> Result:
    """Two variants, three roles, an absent number, an unbounded end and an unripe metric."""
    freeship: dict[str, Any] = {"variant": "coupon_freeship", "contrast": "coupon_freeship"}
    revenue: dict[str, Any] = {
        "metric": "revenue_60d",
        "kind": "sum",
        "role": "secondary",
        "family": "secondary",
        "method": "welch",
        "verdict": None,
        "value_control": 1034.567,
        "n_immature": 0,
        "n_immature_control": 0,
    }
    refunds: dict[str, Any] = {
        "metric": "refund_rate_30d",
        "kind": "conversion",
        "role": "guardrail",
        "family": None,
        "pvalue_adjusted": None,
        "verdict": None,
        "value_control": 0.0210,
    }
    return result(
        checks=[
            Check(
                key="sample_ratio",
                status="pass",
                message="24,921, 12,465 and 12,502 units for 2:1:1 (p = 0.93).",
            ),
            Check(key="duplicate_rows", status="pass", message="No row occurs twice."),
            Check(
                key="immature_share",
                status="warn",
                message="41% of units are too young for survey_90d.",
                hint="Wait until 2026-04-19, or read the other metrics only.",
            ),
        ],
        waterfall=[
            WaterfallStep(metric=metric, step=step, variant=variant, n=n)
            for metric, step, counts in (
                (None, "assigned", (24921, 12465, 12502)),
                ("repeat_purchase_30d", "eligible", (24921, 12465, 12502)),
                ("repeat_purchase_30d", "mature", (24680, 12345, 12381)),
                ("repeat_purchase_30d", "observed", (24680, 12345, 12380)),
            )
            for variant, n in zip(("control", "coupon", "coupon_freeship"), counts, strict=True)
        ],
        results=[
            record(),
            record(
                **freeship,
                n=12381, n_immature=119, value=0.1382, difference=0.0172, difference_ci_low=0.0100,
                difference_ci_high=0.0245, lift=0.1421, lift_ci_low=0.0808, lift_ci_high=0.2061,
                pvalue=2e-6, pvalue_adjusted=4e-6, prob_beats_control=0.99996, prob_best=0.588,
                expected_loss=0.0, posterior_lift=0.1062, posterior_lift_low=0.0571,
                posterior_lift_high=0.1567,
            ),
            record(
                **revenue,
                value=1060.2, difference=25.633, difference_ci_low=-14.2, difference_ci_high=65.5,
                lift=0.0248, lift_ci_low=-0.0136, lift_ci_high=None, pvalue=0.2079,
                pvalue_adjusted=0.4158, prob_beats_control=0.87, expected_loss=0.0021,
                notes=["The upper end of the lift cannot be bounded: control's mean may be zero."],
            ),
            record(
                **{**revenue, **freeship, "value_control": -20.0},
                value=-12.5, difference=7.5, difference_ci_low=-1.25,
                difference_ci_high=16.25, lift=None, lift_ci_low=None, lift_ci_high=None,
                pvalue=0.0929, pvalue_adjusted=0.1858, bayes_model="normal_difference",
                prob_beats_control=0.953, expected_loss=0.11, posterior_lift=None,
                posterior_lift_low=None, posterior_lift_high=None,
                notes=["There is no lift: control's mean is not positive."],
            ),
            record(
                **refunds, value=0.0213, difference=0.0003, difference_ci_low=-0.0028,
                difference_ci_high=0.0034, lift=0.0143, lift_ci_low=-0.1288, lift_ci_high=0.1799,
                pvalue=0.8508, prob_beats_control=0.43, expected_loss=0.0171, margin=0.1,
                guardrail="inconclusive",
            ),
            absent(
                metric="survey_90d", role="secondary", kind="mean", family="secondary", n=0,
                n_control=0, n_immature=12465, n_immature_control=24921, readable_on="2026-04-19",
                notes=["No unit is mature."],
            ),
        ],
    )  # fmt: skip


def failed_result() -> Result:
    """A sample-ratio mismatch: every verdict is invalid."""
    return result(
        checks=[
            Check(key="duplicate_rows", status="pass", message="No row occurs twice."),
            Check(
                key="sample_ratio",
                status="fail",
                message="44,700 and 45,489 units were assigned where 45,094.5 each were expected "
                "(p = 0.0086).",
                hint="Look for customers who were dropped from one variant only.",
            ),
        ],
        results=[record(verdict="invalid")],
        decision=Decision(verdict="invalid", reason="The split is not what was planned."),
    )


def unreadable_result() -> Result:
    """No primary metric is mature."""
    return result(
        results=[
            absent(
                n=0,
                n_control=0,
                n_immature=12465,
                readable_on="2026-04-19",
                notes=["No unit is mature."],
            )
        ],
        decision=Decision(verdict="inconclusive", reason="No customer is old enough yet."),
    )


def descriptive_result() -> Result:
    """One variant: values with intervals and no comparison."""
    values = (("repeat_30d", 0.2046, 0.1923, 0.2174), ("repeat_60d", 0.2951, 0.2811, 0.3095))
    return result(
        experiment="online-retail",
        spec={"key": "online-retail"},
        waterfall=[WaterfallStep(step="assigned", variant="all", n=4191)],
        estimates=[
            VariantEstimate(
                metric=m, variant="all", n=3994, value=v, ci_low=lo, ci_high=hi, method="wilson"
            )
            for m, v, lo, hi in values
        ],
        results=[
            absent(
                experiment="online-retail", metric=metric, label="descriptive", contrast="all",
                variant="all", control=None, n=3994, n_control=None, n_immature=197,
                n_immature_control=None, value=value, method="wilson", family=None,
            )
            for metric, value, _, _ in values
        ],
        decision=Decision(reason="There is one variant: these are rates, not a comparison."),
    )  # fmt: skip


def hostile_result() -> Result:
    """Every hostile name as a variant, a metric, a segment, a note and a check."""
    return result(
        spec={"title": SCRIPT, "hypothesis": ANSI},
        experiment=MARKUP,
        checks=[Check(key=SCRIPT, status="warn", message=ANSI, hint=MARKUP)],
        waterfall=[WaterfallStep(metric=SCRIPT, step="assigned", variant=n, n=1) for n in HOSTILE],
        results=[
            record(variant=name, contrast=name, control=PERSIAN, metric=metric, notes=[name])
            for metric in ("repeat_purchase_30d", SCRIPT)
            for name in HOSTILE
        ]
        + [record(variant=ANSI, contrast=ANSI, segment=SCRIPT)],
        decision=Decision(verdict="ship", variant=SCRIPT, reason=f"{SCRIPT} {ANSI} {MARKUP}"),
    )
