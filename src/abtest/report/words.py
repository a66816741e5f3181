"""The words of a report: plain names for keys, what each part means, and the glossary.

The tables hold English, marked for the catalogues by `phrase`; `_` looks them up where they are
shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from abtest.report.languages import _
from abtest.sentences import phrase

if TYPE_CHECKING:
    from abtest.analysis.result import Verdict

ROLE_TITLES = {
    "primary": phrase("Primary metrics"),
    "secondary": phrase("Secondary metrics"),
    "guardrail": phrase("Guardrail metrics"),
    "exploratory": phrase("Exploratory metrics"),
}

SEGMENTS_TITLE = phrase("Segments")
COUNTS_TITLE = phrase("Who was counted")
CURVES_TITLE = phrase("Share with the event over time")
ESTIMATES_TITLE = phrase("Values of each variant")
LOOKS_TITLE = phrase("The effect over time")
PLANNED_TITLE = phrase("Planned and actual")

VERDICT_WORDS: dict[Verdict, str] = {
    "ship": phrase("Ship"),
    "rollback": phrase("Roll back"),
    "neutral": phrase("No difference that matters"),
    "inconclusive": phrase("Inconclusive"),
    "invalid": phrase("Invalid"),
}

FAILED_BANNER = phrase("A health check failed: do not use these numbers to decide.")
UNREADABLE_BANNER = phrase("Not readable yet: no primary metric is mature.")
DRIFTED_BANNER = phrase(
    "The spec differs from its frozen plan: the plan does not cover these numbers."
)
LOCK_IS_GONE_BANNER = phrase("The lock of the frozen plan is gone: restore it.")

DESCRIPTIVE = phrase("descriptive")

GUARDRAIL_WORDS = {
    "pass": phrase("within margin"),
    "breach": phrase("margin breached"),
    "inconclusive": phrase("margin not shown"),
}

METHOD_WORDS = {
    "miettinen_nurminen": phrase("Miettinen-Nurminen score test"),
    "scas": phrase("score test corrected for skewness (SCAS)"),
    "newcombe": phrase("Newcombe's interval"),
    "boschloo": phrase("Boschloo's exact test"),
    "permutation": phrase("studentised permutation test"),
    "bootstrap": phrase("bootstrap"),
    "quantile": phrase("order statistics"),
    "cluster_robust": phrase("cluster-robust t-test (CR2, Satterthwaite)"),
    "kaplan_meier": phrase("Kaplan-Meier curves, read on one day"),
    "rmst": phrase("mean time without the event, under Kaplan-Meier curves"),
    "log_rank": phrase("log-rank test, with the hazard ratio that it implies"),
    "cox": phrase("Cox's hazard ratio"),
    "regression_adjustment": phrase(
        "regression adjustment for what was known before the assignment"
    ),
    "post_stratification": phrase("post-stratification over the strata of the split"),
    "linearized_ratio": phrase("delta method, with Fieller's interval for the lift"),
    "t": phrase("Student's t interval"),
    "welch": phrase("Welch's t-test, with Fieller's interval for the lift"),
    "wilson": phrase("Wilson interval"),
    "kaplan_meier_log_log": phrase("log-log interval of a Kaplan-Meier curve"),
    "order_statistics": phrase("interval by order statistics"),
    "linearized_t": phrase("t interval by the delta method"),
    "factorial": phrase("means over the cells, with their robust (HC2) variance"),
    "wald": phrase("Wald's joint test of all interactions"),
    "holm": phrase("Holm"),
    "holm_sidak": phrase("Holm and Sidak"),
    "sidak": phrase("Sidak"),
    "bh": phrase("Benjamini-Hochberg"),
    "by": phrase("Benjamini-Yekutieli"),
    "dunnett": phrase("Dunnett"),
    "dunnett_bonferroni": phrase("Dunnett over the variants and Bonferroni over the metrics"),
    "bonferroni": phrase("Bonferroni"),
    "gate_holm": phrase("Holm, behind the variant's primary metrics"),
    "fcr": phrase("false coverage rate (Benjamini-Yekutieli)"),
    "repeated": phrase("the sequential plan (repeated confidence intervals)"),
    "stagewise": phrase("the sequential plan at its stop (stage-wise, median-unbiased estimate)"),
    "confidence_sequence": phrase("a confidence sequence, valid at all times"),
    "hochberg": phrase("Hochberg"),
    # Baseline prior: BASELINE_MEAN and BASELINE_SD of stats.bayes.baseline_lift, which loads NumPy.
    "baseline_lift": phrase(
        "exact likelihood of the counts; the prior of control's rate is normal on the logit scale, "
        "with mean -2 and standard deviation 2.5 (95% between 0.1% and 95%)"
    ),
    "normal_log_lift": phrase("normal likelihood on the log lift"),
    "normal_difference": phrase("normal likelihood and flat prior on the difference"),
    "beta_binomial": phrase("Beta-Binomial with independent uniform priors"),
    "gamma_poisson": phrase("Gamma-Poisson with independent priors"),
    "normal_inverse_gamma": phrase("normal model of each mean, with unknown variance"),
    "dirichlet": phrase("Dirichlet on promoters, passives and detractors"),
    "hurdle_lognormal": phrase("some pay nothing, the others log-normal amounts: quantiles only"),
}

SEGMENTS_MEANING = phrase(
    "The same comparison within parts of the customers. The parts are smaller and there are many "
    "of them, so some will stand out by luck."
)

Section = Literal[
    "checks", "counts", "curves", "estimates", "forest", "bayes", "looks", "segments", "planned",
    "notes", "methods",
]  # fmt: skip

MEANINGS: dict[Section, str] = {
    "checks": phrase(
        "These look for faults in how customers were split and how the data was joined. "
        "A failed check means that a difference below may come from the fault, not the offer."
    ),
    "counts": phrase(
        "Customers whose window is not over are immature: they could not have come back yet, and "
        "are left out, not counted as lost. From the date on which a metric is readable, given "
        "data up to then, every customer counts."
    ),
    "curves": phrase(
        "How the share of customers with the event grows with the time since their start. Those "
        "who are still followed count for as long as they were, so that this uses all of them. "
        "The pale area is what the data supports at each time on its own."
    ),
    "estimates": phrase(
        "There is nothing to compare with here: these are the values as observed, "
        "each with the range that the data supports."
    ),
    "forest": phrase(
        "Each line is the range of lifts that the data supports, the dot the best single guess. "
        "A line that crosses zero means that the direction is not settled."
    ),
    "bayes": phrase(
        "The same data read as odds. The prior pulls large lifts towards zero, "
        "because large lifts are rare."
    ),
    "looks": phrase(
        "How the effect grew as data came in, with an interval that stays right however often one "
        "looks. The experiment may stop for success once the boundary is crossed, not before."
    ),
    "segments": SEGMENTS_MEANING,
    "planned": phrase(
        "Where the plan and what happened are far apart, ask why before you trust the numbers. An "
        "interval that is wider than the smallest lift to find says that there is too little data."
    ),
    "methods": phrase("How each number above was made; the letters beside the names point here."),
    "notes": phrase("Read these beside the numbers that carry their mark."),
}

ROLE_MEANINGS = {
    "primary": phrase(
        "What the experiment was made to move. An interval holds every lift that the data does not "
        "speak against. Judge by its ends: would you act the same way at both?"
    ),
    "secondary": phrase(
        "These help to explain the primary result. They do not decide by themselves."
    ),
    "guardrail": phrase(
        "These must not get worse. What counts is the bad end of the interval: "
        "is it still a harm that you can live with?"
    ),
    "exploratory": phrase("Looked at without a plan: a hint for the next experiment, no proof."),
}

GLOSSARY: dict[str, tuple[str, str]] = {
    "control": (
        phrase("Control"),
        phrase(
            "The customers who got what everybody got before. All variants are compared with it."
        ),
    ),
    "variant": (
        phrase("Variant"),
        phrase("One of the offers, prices or messages that customers were split into."),
    ),
    "lift": (
        phrase("Lift"),
        phrase("The difference relative to control: 10% to 11% is a lift of +10%."),
    ),
    "difference": (
        phrase("Difference"),
        phrase("Variant minus control: 10% to 11% is a difference of +1 percentage point (pp)."),
    ),
    "interval": (
        phrase("Interval"),
        phrase(
            "The range of values that the data supports. At 95%, a procedure like this "
            "one captures the true value 95 times in 100."
        ),
    ),
    "pvalue": (
        phrase("p-value"),
        phrase(
            "How often chance alone would give a result at least this far from zero if "
            "there were no effect. It is not the chance that the variant works."
        ),
    ),
    "adjusted_p": (
        phrase("Adjusted p"),
        phrase(
            "The p-value made larger because several questions were asked at once, and "
            "one of them might look good by luck."
        ),
    ),
    "prob_beats_control": (
        phrase("P(beats control)"),
        phrase("The probability, under the prior, that the variant is better than control."),
    ),
    "expected_loss": (
        phrase("Expected loss"),
        phrase(
            "What shipping the variant costs on average, counting only the cases where "
            "control is really better."
        ),
    ),
    "hazard_ratio": (
        phrase("Hazard ratio"),
        phrase(
            "How many times as often the event happens, at any moment, to those to whom "
            "it has not happened yet. 1 is no difference, 1.25 is a quarter more often."
        ),
    ),
    "guardrail": (
        phrase("Guardrail"),
        phrase("A metric that must not get worse, whatever the primary metric does."),
    ),
    "mature": (
        phrase("Mature"),
        phrase("Seen for as long as the metric's window asks. Younger customers are immature."),
    ),
    "ineligible": (
        phrase("Ineligible"),
        phrase("Could not have the outcome at all, such as a second order without a first."),
    ),
    "descriptive": (
        phrase("Descriptive"),
        phrase("Shown, but no randomised comparison: the variant may have changed who is counted."),
    ),
    "primary": (
        phrase("Primary metric"),
        phrase("The metric that the experiment was made to move. It decides."),
    ),
    "exploratory": (
        phrase("Exploratory"),
        phrase("Not planned before the data was seen: a hint for the next experiment, no proof."),
    ),
    "rope": (
        phrase("No effect that matters"),
        phrase(
            "Lifts so close to zero that the plan calls them practically nothing (the "
            "region of practical equivalence, ROPE)."
        ),
    ),
    "boundary": (
        phrase("Boundary"),
        phrase(
            "How large the statistic must be at a look to stop. It is higher than for a "
            "single look, because looking often gives luck more chances."
        ),
    ),
    "smallest_lift": (
        phrase("Smallest lift to find"),
        phrase(
            "The lift that the experiment was made large enough to see. An interval wider "
            "than that says: not enough data yet."
        ),
    ),
    "segment": (
        phrase("Segment"),
        phrase("A part of the customers, such as new or loyal ones, known before they were split."),
    ),
}


# Keys that are shown as words: they are no more than listed here, for the catalogues.
READABLE = (
    # metrics
    phrase("proportion"),
    phrase("mean"),
    phrase("ratio"),
    phrase("quantile"),
    phrase("survival"),
    phrase("conversion"),
    phrase("repeat purchase"),
    phrase("retention"),
    phrase("churn"),
    phrase("inactivity"),
    phrase("count"),
    phrase("sum"),
    phrase("time to event"),
    phrase("survey"),
    phrase("crr"),
    # labels
    phrase("confirmatory"),
    phrase("amended"),
    phrase("exploratory"),
    # health checks
    phrase("sample ratio"),
    phrase("crossover"),
    phrase("unknown variants"),
    phrase("left out"),
    phrase("duplicate rows"),
    phrase("averaged rows"),
    phrase("schedule"),
    phrase("unknown units"),
    phrase("lookalike ids"),
    phrase("dates without times"),
    phrase("before assignment"),
    phrase("negative values"),
    phrase("missing values"),
    phrase("response rates"),
    phrase("immature units"),
    phrase("readings"),
    phrase("empty metrics"),
    phrase("few events"),
    phrase("few units"),
    phrase("skew"),
    phrase("spec"),
    phrase("bad lines"),
    phrase("rows left out"),
    phrase("taken off"),
    phrase("immature share"),
    phrase("sample ratio over time"),
    phrase("sample ratio parts"),
    phrase("late sample ratio"),
    phrase("balance"),
    phrase("pre period"),
    phrase("novelty"),
    phrase("outliers"),
    phrase("simpson"),
    phrase("twyman"),
    phrase("restated"),
    phrase("prior from archive"),
    # their statuses
    phrase("fail"),
    phrase("warn"),
    phrase("pass"),
    # lines of the decision rule
    phrase("checks"),
    phrase("maturity"),
    phrase("label"),
    phrase("primary"),
    phrase("secondary"),
    phrase("guardrails"),
    phrase("few_units"),
    phrase("max_expected_loss"),
    phrase("equivalence"),
    phrase("sequential"),
    # units of time
    phrase("day"),
    phrase("week"),
    phrase("month"),
    phrase("year"),
    phrase("hour"),
)


def readable(key: str) -> str:
    """A key as words, for what has no name of its own above.

    Examples:
        >>> readable("sample_ratio")
        'sample ratio'
    """
    return _(key.replace("_", " "))


def method(key: str) -> str:
    """The plain name of a method, model or correction.

    Examples:
        >>> method("bh"), method("new_thing")
        ('Benjamini-Hochberg', 'new thing')
    """
    return _(METHOD_WORDS[key]) if key in METHOD_WORDS else readable(key)


def role_title(role: str) -> str:
    """The heading of a role's results.

    Examples:
        >>> role_title("primary"), role_title("health")
        ('Primary metrics', 'Health metrics')
    """
    if role in ROLE_TITLES:
        return _(ROLE_TITLES[role])
    return _("{role} metrics", role=readable(role).capitalize())


def role_meaning(role: str) -> str | None:
    """What a role's results mean, in plain words; None for a role without words of its own."""
    return _(ROLE_MEANINGS[role]) if role in ROLE_MEANINGS else None


def verdict(key: Verdict) -> str:
    """A verdict in words.

    Examples:
        >>> verdict("rollback")
        'Roll back'
    """
    return _(VERDICT_WORDS[key])
