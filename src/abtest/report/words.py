"""The words of a report: plain names for keys, what each part means, and the glossary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abtest.analysis.result import Verdict

ROLE_TITLES = {
    "primary": "Primary metrics",
    "secondary": "Secondary metrics",
    "guardrail": "Guardrail metrics",
    "exploratory": "Exploratory metrics",
}

SEGMENTS_TITLE = "Segments"
COUNTS_TITLE = "Who was counted"
CURVES_TITLE = "Share with the event over time"
ESTIMATES_TITLE = "Values of each variant"

VERDICT_WORDS: dict[Verdict, str] = {
    "ship": "Ship",
    "rollback": "Roll back",
    "neutral": "No difference that matters",
    "inconclusive": "Inconclusive",
    "invalid": "Invalid",
}

FAILED_BANNER = "A health check failed: do not use these numbers to decide."
UNREADABLE_BANNER = "Not readable yet: no primary metric is mature."
DRIFTED_BANNER = "The spec differs from its frozen plan: the plan does not cover these numbers."

DESCRIPTIVE = "descriptive"

GUARDRAIL_WORDS = {
    "pass": "within margin",
    "breach": "margin breached",
    "inconclusive": "margin not shown",
}

METHOD_WORDS = {
    "miettinen_nurminen": "Miettinen-Nurminen score test",
    "scas": "score test corrected for skewness (SCAS)",
    "newcombe": "Newcombe's interval",
    "boschloo": "Boschloo's exact test",
    "permutation": "studentised permutation test",
    "bootstrap": "bootstrap",
    "quantile": "order statistics",
    "cluster_robust": "cluster-robust t-test (CR2, Satterthwaite)",
    "kaplan_meier": "Kaplan-Meier curves, read on one day",
    "rmst": "mean time without the event, under Kaplan-Meier curves",
    "log_rank": "log-rank test, with the hazard ratio that it implies",
    "cox": "Cox's hazard ratio",
    "regression_adjustment": "regression adjustment for what was known before the assignment",
    "post_stratification": "post-stratification over the strata of the split",
    "linearized_ratio": "delta method, with Fieller's interval for the lift",
    "t": "Student's t interval",
    "welch": "Welch's t-test, with Fieller's interval for the lift",
    "wilson": "Wilson interval",
    "kaplan_meier_log_log": "log-log interval of a Kaplan-Meier curve",
    "order_statistics": "interval by order statistics",
    "linearized_t": "t interval by the delta method",
    "holm": "Holm",
    "bh": "Benjamini-Hochberg",
    "by": "Benjamini-Yekutieli",
    "dunnett": "Dunnett",
    "dunnett_bonferroni": "Dunnett over the variants and Bonferroni over the metrics",
    "bonferroni": "Bonferroni",
    "gate_holm": "Holm, behind the variant's primary metrics",
    "fcr": "false coverage rate (Benjamini-Yekutieli)",
    "hochberg": "Hochberg",
    # Baseline prior: BASELINE_MEAN and BASELINE_SD of stats.bayes.baseline_lift, which loads NumPy.
    "baseline_lift": (
        "exact likelihood of the counts; the prior of control's rate is normal on the logit scale, "
        "with mean -2 and standard deviation 2.5 (95% between 0.1% and 95%)"
    ),
    "normal_log_lift": "normal likelihood on the log lift",
    "normal_difference": "normal likelihood and flat prior on the difference",
    "beta_binomial": "Beta-Binomial with independent uniform priors",
}

Section = Literal["checks", "counts", "curves", "estimates", "forest", "bayes", "notes", "methods"]

MEANINGS: dict[Section, str] = {
    "checks": (
        "These look for faults in how customers were split and how the data was joined. "
        "A failed check means that a difference below may come from the fault, not the offer."
    ),
    "counts": (
        "Customers whose window is not over are immature: they could not have come back yet, and "
        "are left out, not counted as lost. From the date on which a metric is readable, given "
        "data up to then, every customer counts."
    ),
    "curves": (
        "How the share of customers with the event grows with the time since their start. Those "
        "who are still followed count for as long as they were, so that this uses all of them. "
        "The pale area is what the data supports at each time on its own."
    ),
    "estimates": (
        "There is nothing to compare with here: these are the values as observed, "
        "each with the range that the data supports."
    ),
    "forest": (
        "Each line is the range of lifts that the data supports, the dot the best single guess. "
        "A line that crosses zero means that the direction is not settled."
    ),
    "bayes": (
        "The same data read as odds. The prior pulls large lifts towards zero, "
        "because large lifts are rare."
    ),
    "methods": "How each number above was made.",
    "notes": "Read these beside the numbers that carry their mark.",
}

ROLE_MEANINGS = {
    "primary": (
        "What the experiment was made to move. An interval holds every lift that the data does not "
        "speak against. Judge by its ends: would you act the same way at both?"
    ),
    "secondary": "These help to explain the primary result. They do not decide by themselves.",
    "guardrail": (
        "These must not get worse. What counts is the bad end of the interval: "
        "is it still a harm that you can live with?"
    ),
    "exploratory": "Looked at without a plan: a hint for the next experiment, no proof.",
}

SEGMENTS_MEANING = (
    "The same comparison within parts of the customers. The parts are smaller and there are many "
    "of them, so some will stand out by luck."
)

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "Control",
        "The customers who got what everybody got before. All variants are compared with it.",
    ),
    ("Variant", "One of the offers, prices or messages that customers were split into."),
    ("Lift", "The difference relative to control: 10% to 11% is a lift of +10%."),
    (
        "Difference",
        "Variant minus control: 10% to 11% is a difference of +1 percentage point (pp).",
    ),
    (
        "Interval",
        (
            "The range of values that the data supports. At 95%, a procedure like this one "
            "captures the true value 95 times in 100."
        ),
    ),
    (
        "p-value",
        (
            "How often chance alone would give a result at least this far from zero if there were "
            "no effect. It is not the chance that the variant works."
        ),
    ),
    (
        "Adjusted p",
        (
            "The p-value made larger because several questions were asked at once, "
            "and one of them might look good by luck."
        ),
    ),
    (
        "P(beats control)",
        "The probability, under the prior, that the variant is better than control.",
    ),
    (
        "Expected loss",
        (
            "What shipping the variant costs on average, counting only the cases where "
            "control is really better."
        ),
    ),
    (
        "Hazard ratio",
        (
            "How many times as often the event happens, at any moment, to those to whom it has "
            "not happened yet. 1 is no difference, 1.25 is a quarter more often."
        ),
    ),
    ("Guardrail", "A metric that must not get worse, whatever the primary metric does."),
    ("Mature", "Seen for as long as the metric's window asks. Younger customers are immature."),
    (
        "Ineligible",
        "Could not have the outcome at all, such as a second order without a first.",
    ),
    (
        "Descriptive",
        "Shown, but no randomised comparison: the variant may have changed who is counted.",
    ),
    ("Primary metric", "The metric that the experiment was made to move. It decides."),
    (
        "Exploratory",
        "Not planned before the data was seen: a hint for the next experiment, no proof.",
    ),
)


def readable(key: str) -> str:
    """A key as words, for what has no name of its own above.

    Examples:
        >>> readable("sample_ratio")
        'sample ratio'
    """
    return key.replace("_", " ")


def method(key: str) -> str:
    """The plain name of a method, model or correction.

    Examples:
        >>> method("bh"), method("new_thing")
        ('Benjamini-Hochberg', 'new thing')
    """
    return METHOD_WORDS.get(key, readable(key))


def role_title(role: str) -> str:
    """The heading of a role's results.

    Examples:
        >>> role_title("primary"), role_title("health")
        ('Primary metrics', 'Health metrics')
    """
    return ROLE_TITLES.get(role, f"{readable(role).capitalize()} metrics")


def role_meaning(role: str) -> str | None:
    """What a role's results mean, in plain words; None for a role without words of its own."""
    return ROLE_MEANINGS.get(role)
