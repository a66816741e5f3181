"""abtest assign: split a list of customers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from abtest.sources.duckdb_assign import AssignedCounts
    from abtest.spec import Spec


def assign(
    spec: Annotated[Path, typer.Argument(help="The experiment's YAML.")],
    customers: Annotated[Path, typer.Option(help="CSV or Parquet with one row per customer.")],
    at: Annotated[
        str, typer.Option(help="The time of assignment: 2026-01-05T09:00. There is no default.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV or Parquet to write.")],
) -> None:
    """Split a list of customers: adds variant, reason, bucket and assigned_at.

    The same customer gets the same variant here, in `from abtest import assign`, and on every
    machine. Nothing reads the clock: --at says when the assignment holds.
    """
    from abtest.cli.output import replacing
    from abtest.errors import AbtestError
    from abtest.instants import parse_instant
    from abtest.sources.duckdb_assign import write_assignments
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.sources.tables import UnitsTable
    from abtest.spec import load_spec
    from abtest.spec.assignable import experiment_of

    loaded = load_spec(spec)
    zone = loaded.spec.schedule.timezone
    try:
        moment = parse_instant(at, zone)
    except ValueError as error:
        raise typer.BadParameter(f"--at {error}") from error
    if loaded.spec.unit is None:
        raise AbtestError(f"{spec}: unit is null; only units with an id can be assigned")
    experiment = experiment_of(loaded.spec)
    engine = DuckDBEngine(Path(), zone, {})
    table = UnitsTable(path=str(customers), unit=loaded.spec.unit)
    with replacing(output, [spec, customers]) as temporary:
        counts = write_assignments(engine, table, experiment, moment, temporary)
    _say(loaded.spec, counts, output)


def _say(spec: Spec, counts: AssignedCounts, output: Path) -> None:
    from abtest.stats.sample_ratio import sample_ratio

    reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.reasons.items()))
    typer.echo(f"{counts.rows:,} customers: {reasons}", err=True)
    if counts.distinct < counts.rows:
        repeated = counts.rows - counts.distinct
        typer.echo(f"warning: {repeated:,} rows repeat a customer", err=True)
    variants = spec.variants or ()
    observed = [counts.variants.get(variant.key, 0) for variant in variants]
    for variant, n in zip(variants, observed, strict=True):
        typer.echo(f"  {variant.key}: {n:,}", err=True)
    pvalue = sample_ratio(observed, [variant.weight for variant in variants]).pvalue
    if pvalue is not None:
        typer.echo(f"  sample ratio p = {pvalue:.4g}", err=True)
    typer.echo(f"Wrote {output}", err=True)
