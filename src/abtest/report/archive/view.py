"""The archive as tables of text, ready to be drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abtest.analysis.archive.decisions import named
from abtest.report.numbers import ABSENT
from abtest.report.text import clean

if TYPE_CHECKING:
    from abtest.analysis.archive.model import Archive, Entry, KindSummary, PastLift, PastPrior, Pool

_EXPERIMENTS = "Where each experiment stands, and the date of what comes next."
_DECISIONS = "What people made of the results."
_KINDS = "How often the result recommended to ship; with Wilson's 95% interval."
_LIFTS = (
    "The primary metrics as they were seen, and as they should be believed: a large lift is partly "
    "luck, so each is drawn to the mean of its kind by as much as it is uncertain (empirical "
    "Bayes). The last column corrects a winner for having been significant, by itself alone."
)
_POOLS = (
    "Experiments of one kind together, with a 95% interval for their mean lift (random effects, "
    "Hartung and Knapp) and the range in which the next one's true lift is expected. I2 is the "
    "share of their differences that is more than chance."
)
_FORECASTS = (
    "What the specs set out to find (mde) against the mean lift of the same experiments, how many "
    "reached their forecast, and how many lifts lay where their prior expected 95% of them."
)
_PRIORS = (
    "What to expect of the next experiment's log lift before it is run. A spec uses it with "
    "analysis.bayes.prior: {from: archive.json}."
)
_FAULTS = "These files were not used. Mend them, or move them out of the folder."


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its title, what it means, its header and its rows.

    Attributes:
        links: Where the first cell of each row leads, relative to the folder; None for no link.
    """

    title: str
    meaning: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """The whole archive as text."""

    title: str
    lead: str
    tables: tuple[Table, ...]


def build_archive_view(archive: Archive, *, states_only: bool = False) -> ArchiveView:
    """Turn the archive into what is shown.

    Args:
        archive: The archive.
        states_only: Show where experiments stand, and faults, without past lifts.
    """
    tables = [_experiments(archive), _decisions(archive)]
    if not states_only:
        tables += [_kinds(archive), _pools(archive), _forecasts(archive)]
        tables += [_lifts(archive), _priors(archive)]
    tables.append(_faults(archive))
    return ArchiveView(
        title=f"Experiments on {archive.on}",
        lead=_lead(archive),
        tables=tuple(table for table in tables if table.rows),
    )


def _lead(archive: Archive) -> str:
    states: dict[str, int] = {}
    for entry in archive.experiments:
        states[entry.state] = states.get(entry.state, 0) + 1
    told = ", ".join(f"{n} {state}" for state, n in states.items())
    n = len(archive.experiments)
    lead = f"{n:,} experiment{'' if n == 1 else 's'}{': ' + told if told else ''}."
    for kind in ("broken", "foreign"):
        count = sum(fault.kind == kind for fault in archive.faults)
        if count:
            lead += f" {count} {kind} file{'' if count == 1 else 's'}."
    return lead


def _experiments(archive: Archive) -> Table:
    return Table(
        "Experiments",
        _EXPERIMENTS,
        ("Experiment", "Kind", "State", "Plan", "Next", "What is next", "Recommended", "Folder"),
        tuple(_experiment(entry) for entry in archive.experiments),
        tuple(entry.report for entry in archive.experiments),
    )


def _experiment(entry: Entry) -> tuple[str, ...]:
    recommended = named(entry.verdict, entry.variant)
    folder = entry.file.rpartition("/")[0] or "."
    return _cleaned(
        entry.experiment or folder,
        (entry.kind or ABSENT).replace("_", " "),
        entry.state,
        "frozen" if entry.frozen else "not frozen",
        entry.next_on or ABSENT,
        entry.next_what or ABSENT,
        recommended or ABSENT,
        folder,
    )


def _decisions(archive: Archive) -> Table:
    decided = [entry for entry in archive.experiments if entry.decided is not None]
    rows = [_cleaned(entry.experiment or entry.file, entry.decided or "") for entry in decided]
    return Table("Decisions", _DECISIONS, ("Experiment", "Decision"), tuple(rows))


def _kinds(archive: Archive) -> Table:
    counted = ("Kind", "Experiments", "With a result", "Won", "Win rate", "95% interval")
    header = (*counted, "Shipped", "Decided against")
    return Table("How often they win", _KINDS, header, tuple(map(_kind, archive.kinds)))


def _kind(found: KindSummary) -> tuple[str, ...]:
    rate = ABSENT if found.win_rate is None else f"{found.win_rate:.0%}"
    interval = ABSENT
    if found.win_rate_low is not None and found.win_rate_high is not None:
        interval = f"{found.win_rate_low:.0%} to {found.win_rate_high:.0%}"
    numbers = (found.experiments, found.read, found.won)
    decided = (found.shipped, found.against)
    name = found.kind.replace("_", " ")
    return (name, *map(str, numbers), rate, interval, *map(str, decided))


def _pools(archive: Archive) -> Table:
    header = (
        "Kind, metric",
        "Experiments",
        "Mean lift",
        "95% interval",
        "Next one",
        "Spread",
        "I2",
    )
    return Table("What they bring", _POOLS, header, tuple(map(_pool, archive.pools)))


def _pool(found: Pool) -> tuple[str, ...]:
    return (
        _pool_name(found),
        str(found.k),
        _percent(found.lift),
        _interval(found.lift_low, found.lift_high),
        _interval(found.prediction_low, found.prediction_high),
        ABSENT if found.tau is None else f"{found.tau:.3f}",
        ABSENT if found.i2 is None else f"{found.i2:.0%}",
    )


def _pool_name(found: Pool | PastPrior) -> str:
    down = ", less is better" if found.desired_change == "decrease" else ""
    return f"{found.kind}, {found.metric_kind}{down}".replace("_", " ")


def _forecasts(archive: Archive) -> Table:
    header = ("Kind, metric", "With a forecast", "Forecast", "Realised", "Reached", "Inside prior")
    rows = tuple(_forecast(pool) for pool in archive.pools if pool.forecasts or pool.prior_of)
    return Table("Forecast against realised", _FORECASTS, header, rows)


def _forecast(found: Pool) -> tuple[str, ...]:
    return (
        _pool_name(found),
        str(found.forecasts),
        _percent(found.forecast_lift),
        _percent(found.realised_lift),
        f"{found.reached} of {found.forecasts}" if found.forecasts else ABSENT,
        f"{found.prior_inside} of {found.prior_of}" if found.prior_of else ABSENT,
    )


def _lifts(archive: Archive) -> Table:
    seen = ("Experiment", "Metric", "Variant", "Lift", "95% interval", "Believed")
    header = (*seen, "95% interval", "Forecast", "Winner alone")
    return Table("Past lifts", _LIFTS, header, tuple(map(_lift, archive.lifts)))


def _lift(found: PastLift) -> tuple[str, ...]:
    return _cleaned(
        found.experiment,
        found.metric,
        f"{found.variant} (won)" if found.won else found.variant,
        _percent(found.lift),
        _interval(found.lift_low, found.lift_high),
        _percent(found.shrunk_lift),
        _interval(found.shrunk_low, found.shrunk_high),
        _percent(found.forecast_lift),
        _percent(found.conditional_lift),
    )


def _priors(archive: Archive) -> Table:
    header = ("Kind, metric", "Mean", "Standard deviation", "95% of lifts", "From")
    return Table("Priors for the next", _PRIORS, header, tuple(map(_prior, archive.priors)))


def _prior(found: PastPrior) -> tuple[str, ...]:
    ends = [math.expm1(found.mean + side * 1.959964 * found.sd) for side in (-1, 1)]
    few = ", drawn to 0 +- 0.05" if found.how == "shrunk" else ""
    return (
        _pool_name(found),
        f"{found.mean:+.4f}",
        f"{found.sd:.4f}",
        _interval(*ends),
        f"{found.k}{few}",
    )


def _faults(archive: Archive) -> Table:
    rows = tuple(_cleaned(fault.file, fault.kind, fault.problem) for fault in archive.faults)
    return Table("Files that were not used", _FAULTS, ("File", "Kind", "Problem"), rows)


def _cleaned(*cells: str) -> tuple[str, ...]:
    return tuple(clean(cell) for cell in cells)


def _percent(lift: float | None) -> str:
    return ABSENT if lift is None else f"{lift:+.1%}"


def _interval(low: float | None, high: float | None) -> str:
    return ABSENT if low is None or high is None else f"{low:+.1%} to {high:+.1%}"
