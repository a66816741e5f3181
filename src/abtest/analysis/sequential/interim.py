"""Several looks at one experiment: what may be said tonight, given the looks before.

Primary metrics follow the plan of the spec; alpha is split over them and the variants. Everything
else, and all metrics under a confidence sequence, gets an interval that holds at all times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from abtest.analysis.guardrails import is_worse, read_guardrail
from abtest.analysis.sequential.endpoints import Endpoints, final_of, full_metrics, statistic_of
from abtest.analysis.sequential.looks import Final, LookRow
from abtest.sentences import sentence
from abtest.spec.cells import weights_of
from abtest.stats.comparison import Interval
from abtest.stats.sequential.binary_sequences import difference_interval
from abtest.stats.sequential.boundaries import spending_plan
from abtest.stats.sequential.normal_mixture import asymptotic_sequence
from abtest.stats.sequential.recursion import LEAST_STEP
from abtest.stats.sequential.spending import Spending
from abtest.stats.sequential.stagewise import stagewise
from abtest.stats.summaries import Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abtest.analysis.records import Comparer, Contrast
    from abtest.analysis.result import Record
    from abtest.analysis.sequential.looks import Look, LookLog
    from abtest.spec import Spec
    from abtest.stats.sequential.boundaries import Plan

# With less than a thousandth of the plan newly mature, a night is no look: it would decide nothing.
LEAST_GAIN = 1e-3
# Units per variant, and events per variant, before a normal interval may be watched.
FEWEST_UNITS, FEWEST_EVENTS = 100, 20
DEFAULT_UNITS = 10_000  # where a confidence sequence is tightest if nobody says


@dataclass(frozen=True, slots=True)
class Night:
    """One reading of the data within a sequential plan.

    Attributes:
        spec: The experiment, with a sequential plan.
        as_of: Up to when the data are complete, as ISO text.
        history: The looks before it, oldest first, without restatements.
        final: Whether the plan ends tonight, however much is mature.
    """

    spec: Spec
    as_of: str
    history: Sequence[Look] = ()
    final: bool = False

    def rows(self, contrasts: Sequence[Contrast]) -> tuple[LookRow, ...]:
        """Tonight's row of each comparison."""
        full = full_metrics(self.spec, contrasts)
        ending = replace(self, final=True)
        return tuple((ending if c.metric.key in full else self).row(c) for c in contrasts)

    def row(self, contrast: Contrast) -> LookRow:
        """Tonight's row of one comparison."""
        earlier = self._past(contrast)
        past = [row for row in earlier if row.is_look]
        stopped = [row for row in earlier if row.state != "running"]
        base = self._base(contrast)
        if stopped and base.engine == "lan_demets":  # a sequence goes on being valid
            last = stopped[0]
            kept = {"is_look": False, "state": last.state, "final": last.final}
            return base.model_copy(update=kept)
        if base.statistic is None:
            return base.model_copy(update={"is_look": False})
        if base.engine == "lan_demets":
            return self._spending_row(contrast, base, past)
        return self._sequence_row(contrast, base, past)

    def _past(self, contrast: Contrast) -> list[LookRow]:
        key = contrast.metric.key, contrast.variant
        return [
            row for look in self.history for row in look.rows if (row.metric, row.variant) == key
        ]

    def _base(self, contrast: Contrast) -> LookRow:
        comparison = contrast.comparison
        plan = self.spec.analysis.sequential
        spends = plan is not None and plan.engine == "lan_demets"
        spends = spends and contrast.metric.role == "primary"
        return LookRow(
            metric=contrast.metric.key,
            variant=contrast.variant,
            date=self.as_of[:10],
            as_of=self.as_of,
            engine="lan_demets" if spends else "confidence_sequence",
            n=contrast.treatment.n,
            n_control=contrast.control.n,
            value=comparison.value,
            value_control=comparison.value_control,
            difference=comparison.difference,
            lift=comparison.lift,
            information_fraction=self._information(contrast),
            statistic=statistic_of(comparison),
        )

    def _planned(self, variant: str) -> tuple[float, float] | None:
        """Units of control and of a variant at the end of the plan."""
        plan, control = self.spec.analysis.sequential, self.spec.control
        if plan is None or plan.max_units is None or control is None:
            return None
        weights = weights_of(self.spec)
        share = plan.max_units / sum(weights.values())
        return weights[control.key] * share, weights[variant] * share

    def _information(self, contrast: Contrast) -> float | None:
        """1 / (1 / n_c + 1 / n_t) as a share of the same at the end of the plan."""
        planned = self._planned(contrast.variant)
        n, m = contrast.control.n, contrast.treatment.n
        if planned is None or 0 in (n, m):
            return None
        most = planned[0] * planned[1] / math.fsum(planned)
        return n * m / (n + m) / most if most else None

    def _spending_row(self, contrast: Contrast, base: LookRow, past: Sequence[LookRow]) -> LookRow:
        before = [row.information_fraction or 0.0 for row in past]
        t, z = base.information_fraction, base.statistic
        if t is None or z is None or not self._is_due(t, before[-1] if before else 0.0):
            waits = base.model_copy(update={"is_look": False})
            return self._ended(contrast, waits, past) if self.final and past else waits
        plan = spending_plan([*before, t], self._spending(), self.alpha_each, final=self.final)
        boundary = plan.boundaries[-1]
        crossed = abs(z) >= boundary
        over = crossed or self.final or t >= 1
        row = {
            **Endpoints(contrast).within(boundary),
            "boundary": boundary if math.isfinite(boundary) else None,
            "spent": plan.spent[-1],
            "crossed": crossed,
            "state": "crossed" if crossed else "ended" if over else "running",
            "final": self._stagewise(contrast, plan, z) if over else None,
        }
        return base.model_copy(update=row)

    def _ended(self, contrast: Contrast, base: LookRow, past: Sequence[LookRow]) -> LookRow:
        """The end of a plan where nothing has matured since the last look: that look was it."""
        information = [row.information_fraction or 0.0 for row in past]
        plan = spending_plan(information, self._spending(), self.alpha_each)
        final = self._stagewise(contrast, plan, past[-1].statistic or 0.0)
        return base.model_copy(update={"state": "ended", "final": final})

    def _is_due(self, t: float, before: float) -> bool:
        """Whether enough has matured since the last look for another."""
        plan = self.spec.analysis.sequential
        if self.final:
            return t - before >= LEAST_STEP
        if t - before < LEAST_GAIN:
            return False
        if plan is None or plan.looks is None or plan.looks == "nightly" or t >= 1:
            return True
        return math.floor(t * plan.looks + 1e-9) > math.floor(before * plan.looks + 1e-9)

    def _spending(self) -> Spending:
        plan = self.spec.analysis.sequential
        if plan is None:
            return Spending()
        return Spending(plan.spending or "obrien_fleming", plan.parameter)

    @property
    def alpha_each(self) -> float:
        """What each primary comparison may spend: alpha is split over metrics and variants."""
        primary = sum(metric.role == "primary" for metric in self.spec.metrics)
        return self.spec.analysis.alpha / max(primary * len(self.spec.treatments), 1)

    def _stagewise(self, contrast: Contrast, plan: Plan, z: float) -> Final:
        found = stagewise(plan.information, plan.bounds, z, 1 - self.alpha_each)
        root = math.sqrt(plan.information[-1])
        # How far each end is from the estimate, in standard errors at the stop.
        critical = [
            z - drift * root for drift in (found.estimate, found.interval.low, found.interval.high)
        ]
        return final_of(contrast, found.pvalue, critical)

    def _sequence_row(self, contrast: Contrast, base: LookRow, past: Sequence[LookRow]) -> LookRow:
        alpha = self.alpha_of(contrast)
        interval, pvalue = self._always_valid(contrast, alpha)
        earlier = [row.pvalue_always_valid for row in past if row.pvalue_always_valid is not None]
        if not interval:
            return base.model_copy(update={"is_look": False})
        lowest = min([pvalue, *earlier]) if pvalue is not None else None
        joint = _intersection(interval, past)
        difference = Interval(_or(joint["ci_low"], -math.inf), _or(joint["ci_high"], math.inf))
        crossed = 0.0 not in difference
        if contrast.metric.role != "primary":
            increase = contrast.metric.desired_change == "increase"
            watched = contrast.metric.role == "guardrail"
            crossed = watched and bool(is_worse(difference, increase=increase))
        row: dict[str, Any] = {**joint, "pvalue_always_valid": lowest, "crossed": crossed}
        if crossed and contrast.metric.role == "primary":
            row |= {"state": "crossed", "final": _always_valid_final(base, joint, lowest)}
        return base.model_copy(update=row)

    def alpha_of(self, contrast: Contrast) -> float:
        """The error rate of one comparison over all looks."""
        if contrast.metric.role == "primary":
            return self.alpha_each
        return self.spec.analysis.alpha

    def _always_valid(
        self, contrast: Contrast, alpha: float
    ) -> tuple[dict[str, float | None], float | None]:
        """The interval that holds at all times; empty where there is too little to say."""
        control, treatment = contrast.control.summary, contrast.treatment.summary
        z = statistic_of(contrast.comparison)
        if isinstance(control, Proportion) and isinstance(treatment, Proportion):
            events = min(control.successes, treatment.successes)
            if min(control.n, treatment.n) == 0:
                return {}, None
            if events < FEWEST_EVENTS or min(control.n, treatment.n) < FEWEST_UNITS:
                small = difference_interval(
                    (control.successes, control.n), (treatment.successes, treatment.n), alpha
                )
                return _ends(small, None), None
        if z is None or min(control.n, treatment.n) < FEWEST_UNITS:
            return {}, None
        planned = self._planned(contrast.variant)
        n_opt = sum(planned) if planned is not None else DEFAULT_UNITS
        found = asymptotic_sequence(z, 1.0, control.n + treatment.n, n_opt, alpha)
        return Endpoints(contrast).within(found.multiplier), found.pvalue


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _ends(difference: Interval, lift: Interval | None) -> dict[str, float | None]:
    return {
        "ci_low": difference.low,
        "ci_high": difference.high,
        "lift_ci_low": None if lift is None else lift.low,
        "lift_ci_high": None if lift is None else lift.high,
    }


def _intersection(
    interval: Mapping[str, float | None], past: Sequence[LookRow]
) -> dict[str, float | None]:
    """What all nights together leave; tonight's where they leave nothing."""
    joint = dict(interval)
    for low, high in (("ci_low", "ci_high"), ("lift_ci_low", "lift_ci_high")):
        lows = [getattr(row, low) for row in past if getattr(row, low) is not None]
        highs = [getattr(row, high) for row in past if getattr(row, high) is not None]
        ends = (
            max([*lows, _or(interval[low], -math.inf)]),
            min([*highs, _or(interval[high], math.inf)]),
        )
        if ends[0] < ends[1]:
            joint[low], joint[high] = (end if math.isfinite(end) else None for end in ends)
    return joint


def _always_valid_final(
    base: LookRow, joint: Mapping[str, float | None], pvalue: float | None
) -> Final:
    return Final(
        pvalue=pvalue,
        difference=base.difference,
        difference_ci_low=joint["ci_low"],
        difference_ci_high=joint["ci_high"],
        lift=base.lift,
        lift_ci_low=joint["lift_ci_low"],
        lift_ci_high=joint["lift_ci_high"],
    )


_CLEARED: dict[str, Any] = {
    "pvalue": None,
    "pvalue_adjusted": None,
    "pvalue_adjustment": None,
    "difference_ci_low_adjusted": None,
    "difference_ci_high_adjusted": None,
    "equivalent": None,
}


_INTERIM = ("repeated", "confidence_sequence")


def interim_record(record: Record, row: LookRow, contrast: Contrast, night: Night) -> Record:
    """A record within a plan: the interval that is valid over all looks, and no fixed-sample p."""
    words = "repeated" if row.engine == "lan_demets" else "confidence_sequence"
    update: dict[str, Any] = {
        **_CLEARED,
        "statistic": row.statistic,
        "information_fraction": row.information_fraction,
        "boundary": row.boundary,
        "ci_level": 1 - night.alpha_of(contrast),
        "ci_adjustment": words,
        "difference_ci_low": row.ci_low,
        "difference_ci_high": row.ci_high,
        "lift_ci_low": row.lift_ci_low,
        "lift_ci_high": row.lift_ci_high,
    }
    note = sentence("Interim: the interval may be looked at every night; there is no p-value yet.")
    if row.final is not None:
        comparisons = night.spec.analysis.alpha / night.alpha_of(contrast)
        update |= row.final.model_dump()
        if row.final.pvalue is not None:
            update["pvalue_adjusted"] = min(1.0, row.final.pvalue * comparisons)
            update["pvalue_adjustment"] = "bonferroni" if comparisons > 1 else "none"
        update["ci_adjustment"] = "stagewise" if row.engine == "lan_demets" else words
        note = sentence(
            "The sequential plan has stopped: p-value, estimate and interval are those of the stop "
            "and allow for all looks."
        )
    elif row.ci_low is None and row.ci_high is None:
        note = sentence("Interim: it is too early for an interval, and there is no p-value yet.")
    read = _guardrail(contrast, row)
    return record.model_copy(update={**update, **read, "notes": (*record.notes, note)})


def _without_inference(record: Record) -> Record:
    """A part of the comparison, such as a segment: it has no interval that allows for the looks."""
    if record.control is None:
        return record
    update: dict[str, Any] = {
        **_CLEARED,
        "difference_ci_low": None,
        "difference_ci_high": None,
        "lift_ci_low": None,
        "lift_ci_high": None,
        "ci_adjustment": None,
    }
    note = sentence("Within a sequential plan parts are shown without intervals and p-values.")
    return record.model_copy(update={**update, "notes": (*record.notes, note)})


def _guardrail(contrast: Contrast, row: LookRow) -> dict[str, Any]:
    """A guardrail held against its margin by the interval that is valid over all looks."""
    if contrast.metric.role != "guardrail":
        return {}
    difference = Interval(_or(row.ci_low, -math.inf), _or(row.ci_high, math.inf))
    lift = Interval(_or(row.lift_ci_low, -math.inf), _or(row.lift_ci_high, math.inf))
    held = replace(contrast.comparison, difference_ci=difference, lift_ci=lift)
    read = read_guardrail(contrast.metric, held)
    return {"margin": read.margin, "guardrail": read.verdict, "harm": read.harm}


def within_plan(
    spec: Spec, comparer: Comparer, records: tuple[Record, ...], log: LookLog, as_of: str
) -> tuple[tuple[Record, ...], tuple[dict[str, Any], ...]]:
    """The records as the sequential plan allows them to be read, and the looks up to now.

    Args:
        spec: The experiment; without a plan nothing changes.
        comparer: What was compared.
        records: The records for one look.
        log: The looks before.
        as_of: Up to when the data are complete, as ISO text.

    Returns:
        The records, and one row per comparison and look, oldest first.
    """
    if spec.analysis.sequential is None or not comparer.contrasts:
        return records, ()
    night = Night(spec, as_of, log.before(as_of), log.final)
    logged = log.of(as_of)
    rows = night.rows(comparer.contrasts) if logged is None else logged.rows
    by_key = {(row.metric, row.variant): row for row in rows}
    read = {(contrast.metric.key, contrast.variant): contrast for contrast in comparer.contrasts}
    told = []
    for record in records:
        key = record.metric, record.variant
        row, contrast = by_key.get(key), read.get(key)
        if row is None or contrast is None or record.contrast != "variant" or record.segment:
            told.append(_without_inference(record))
        else:
            told.append(interim_record(record, row, contrast, night))
    past = [row for look in night.history for row in look.rows]
    return tuple(told), tuple(row.model_dump(mode="json") for row in (*past, *rows))


def is_running(records: Sequence[Record]) -> bool:
    """Whether a primary metric waits for a boundary of its plan."""
    return any(
        record.role == "primary" and record.ci_adjustment in _INTERIM and record.pvalue is None
        for record in records
    )


def parts_within_plan(spec: Spec, rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """Other readings of a metric, without intervals and p-values that are made for one look."""
    if spec.analysis.sequential is None:
        return rows
    return tuple(
        {key: None if "pvalue" in key or "_ci_" in key else value for key, value in row.items()}
        for row in rows
    )
