"""abtest assign: split a list of customers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from abtest.cli.formats import ToldAs  # noqa: TC001 - typer reads it
from abtest.cli.spec_file import SpecFile  # noqa: TC001 - typer reads it at run time

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Any

    from abtest.sources.duckdb_assign import AssignedCounts, Plan
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.spec import LoadedSpec


Customers = Annotated[Path, typer.Option(help="CSV or Parquet with one row per customer.")]
At = Annotated[
    str, typer.Option(help="The time of assignment: 2026-01-05T09:00. There is no default.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="CSV or Parquet to write.")]
Check = Annotated[
    Literal["none", "basic", "full"],
    typer.Option(
        help="Look for damaged ids: basic within each id, full also for ids that resemble another "
        "one (case only, lost leading zeros), and counts every repeated customer."
    ),
]
OnBadId = Annotated[Literal["fail", "exclude"], typer.Option(help="What to do about damaged ids.")]
Suppress = Annotated[
    Path | None, typer.Option(help="A file of customers to leave out, with the same id column.")
]
Contacts = Annotated[
    Path | None, typer.Option(help="A file of contacts: the id column and contacted_at.")
]
NotContactedFor = Annotated[
    str | None,
    typer.Option(help="With --contacts: leave out who was contacted less than, say, 14d ago."),
]
Stratify = Annotated[
    str | None, typer.Option(help="Must be the spec's assignment.stratify, where that is set.")
]
Balance = Annotated[
    list[str] | None, typer.Option(help="Compare the variants in this column. May be repeated.")
]


def assign(
    spec: SpecFile,
    customers: Customers,
    at: At,
    output: Output,
    check_ids: Check = "basic",
    on_bad_id: OnBadId = "fail",
    suppress: Suppress = None,
    contacts: Contacts = None,
    not_contacted_for: NotContactedFor = None,
    stratify: Stratify = None,
    balance: Balance = None,
    format: ToldAs = "text",  # noqa: A002 - the option's name
) -> None:
    """Split a list of customers: adds variant, reason, bucket, phase and assigned_at.

    The same customer gets the same variant here, in `abtest sql`, in `from abtest import assign`,
    and on every machine. Nothing reads the clock: --at says when the assignment holds. A manifest
    beside the output says what was done and how many got what; --format json shows it too.
    """
    from abtest.analysis.assign_table import plan_of
    from abtest.spec import load_spec

    loaded = load_spec(spec)
    _check_stratify(loaded, stratify)
    plan = plan_of(
        loaded,
        _moment(at, loaded.spec.schedule.timezone),
        check_ids=check_ids,
        exclude_bad_ids=on_bad_id == "exclude",
        suppress=suppress,
        contacts=contacts,
        quiet_for=_quiet(contacts, not_contacted_for),
    )
    inputs = [spec, customers, *(path for path in (suppress, contacts) if path is not None)]
    counts, told = _write(loaded, plan, output, inputs, balance or [])
    _say(plan, counts, output)
    if format == "json":
        typer.echo(told, nl=False)


def _write(
    loaded: LoadedSpec, plan: Plan, output: Path, inputs: list[Path], balance: list[str]
) -> tuple[AssignedCounts, str]:
    """Write the list and its manifest, and return the latter.

    ``inputs`` are the spec, the customers and other files.
    """
    from abtest.cli.output import replacing, write_text
    from abtest.sources.duckdb_assign import write_assignments
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.sources.files import files_named
    from abtest.sources.tables import UnitsTable

    engine = DuckDBEngine(Path(), plan.zone, {})
    table = UnitsTable(path=str(inputs[1]), unit=plan.column)
    # Of a pattern or a folder, each file.
    inputs = [*inputs, *(found for path in inputs for found in files_named(Path(), path))]
    with replacing(output, inputs) as temporary:
        counts, rows = write_assignments(engine, table, plan, temporary)
        text = _manifest(engine, loaded, plan, counts, (rows, balance), temporary)
    write_text(output.with_name(output.name + ".manifest.json"), text, inputs)
    return counts, text


def _moment(at: str, zone: str) -> datetime:
    from abtest.instants import parse_instant

    try:
        return parse_instant(at, zone)
    except ValueError as error:
        raise typer.BadParameter(f"--at {error}") from error


def _quiet(contacts: Path | None, text: str | None) -> timedelta | None:
    from abtest.fields import parse_duration

    if (contacts is None) != (text is None):
        raise typer.BadParameter("--contacts and --not-contacted-for go together")
    if text is None:
        return None
    try:
        quiet = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--not-contacted-for {error}") from error
    if quiet.total_seconds() <= 0:
        raise typer.BadParameter(f"--not-contacted-for is {text!r}; it must be above 0")
    return quiet


def _check_stratify(loaded: LoadedSpec, given: str | None) -> None:
    declared = loaded.spec.assignment.stratify
    if given is not None and given != declared:
        raise typer.BadParameter(
            f"--stratify is {given!r}, but assignment.stratify of the spec is {declared!r}; write "
            "it into the spec, so that nobody assigns one customer by hash alone"
        )


def _manifest(
    engine: DuckDBEngine,
    loaded: LoadedSpec,
    plan: Plan,
    counts: AssignedCounts,
    compared: tuple[str, list[str]],
    output: Path,
) -> str:
    import json

    from abtest import __version__
    from abtest.sources.duckdb_balance import balance_of
    from abtest.sources.manifest import manifest, sha256_of

    rows, columns = compared
    names = [name for name, _ in plan.experiment.variants]
    control = loaded.spec.control
    if control is not None:
        names.sort(key=lambda name: name != control.key)
    balance = {column: balance_of(engine, rows, column, names) for column in columns}
    data: dict[str, Any] = manifest(
        plan, counts, loaded.spec.fingerprint(), engine.fingerprints(), balance
    )
    data["output_sha256"] = sha256_of(output)
    data["abtest_version"] = __version__
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _say(plan: Plan, counts: AssignedCounts, output: Path) -> None:
    from abtest.stats.health.sample_ratio import sample_ratio

    reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.reasons.items()))
    typer.echo(f"{counts.rows:,} customers: {reasons}", err=True)
    for cause, n in counts.left_out.items():
        typer.echo(f"left out: {cause} {n:,}", err=True)
    for kind, n in counts.dirt.items():
        if n:
            typer.echo(f"  {kind}: {n:,}", err=True)
    if counts.repeated:
        typer.echo(f"warning: {counts.repeated:,} rows repeat a customer", err=True)
    _, split = plan.experiment.in_force(plan.at)
    observed = [counts.variants.get(name, 0) for name in split.names]
    for name, n in zip(split.names, observed, strict=True):
        typer.echo(f"  {name}: {n:,}", err=True)
    pvalue = sample_ratio(observed, split.weights).pvalue
    if pvalue is not None:
        typer.echo(f"  sample ratio p = {pvalue:.4g}", err=True)
    typer.echo(f"Wrote {output} and {output.name}.manifest.json", err=True)
