"""The balance of a known list, and the best of several seeds: ``abtest plan --customers``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from abtest.analysis.planning.model import BalancePlan, Plan


def balance_for(path: Path, customers: Path, start: date, seeds: int) -> BalancePlan:
    """The balance of a list under the spec's seed, or the best of several."""
    from abtest.analysis.planning.balance import Population, balance_of
    from abtest.instants import parse_instant
    from abtest.sources.duckdb_engine import DuckDBEngine
    from abtest.spec import load_spec

    loaded = load_spec(path)
    zone = loaded.spec.schedule.timezone
    engine = DuckDBEngine(customers.absolute().parent, zone, {})
    at = parse_instant(start.isoformat(), zone)
    try:
        return balance_of(loaded, Population(engine, str(customers.absolute()), at), seeds)
    finally:
        engine.close()


def write_seed(path: Path, made: Plan, output: Path) -> None:
    """The spec with the chosen seed and how it was chosen; the spec itself is not written over."""
    from abtest.cli.output import write_text
    from abtest.spec import load_spec
    from abtest.spec.seed_text import with_seed
    from abtest.spec.variants import Rerandomised

    found = made.balance
    if found is None:
        return
    chosen = Rerandomised.model_validate(
        {
            "from": load_spec(path).spec.seed,
            "seeds": found.seeds,
            "covariates": found.covariates,
            "distance": found.distance,
        }
    )
    text = path.read_bytes().decode("utf-8-sig")
    write_text(output, with_seed(text, found.seed, chosen), [path])
    typer.echo(f"Wrote {output}", err=True)
