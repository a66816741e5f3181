"""A whole list of customers split at once, from a file or a data frame."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw

from abtest.errors import DataError
from abtest.instants import parse_instant
from abtest.sources.duckdb_assign import Plan, assign_rows
from abtest.sources.duckdb_engine import DuckDBEngine
from abtest.sources.tables import UnitsTable
from abtest.spec.assignable import experiment_in, hashed_column
from abtest.spec.load import load_spec

if TYPE_CHECKING:
    from datetime import datetime
    from os import PathLike

    from abtest.sources.duckdb_ids import CheckIds
    from abtest.spec.load import LoadedSpec


def assign_table(
    spec: str | PathLike[str],
    customers: Any,  # noqa: ANN401 - any kind of frame
    *,
    at: str | datetime,
    check_ids: CheckIds = "basic",
    on_bad_id: Literal["fail", "exclude"] = "fail",
) -> Any:  # noqa: ANN401 - a frame of the same kind
    """Split the customers of a data frame, as ``abtest assign`` splits those of a file.

    Args:
        spec: The experiment's YAML.
        customers: A pandas, Polars or PyArrow frame, or a DuckDB relation, with a row per customer
            and the spec's unit as a column.
        at: When the customers are assigned; a time without an offset is local time of the spec's
            zone. There is no default: the same call gives the same answer on every day.
        check_ids: Which damaged ids are looked for.
        on_bad_id: Whether damaged ids are an error or are left out.

    Returns:
        The frame with the columns variant, reason, bucket, phase and assigned_at, its rows in their
        order. It is of the same kind; a lazy Polars frame is collected, and of what is a relation
        comes a PyArrow table.

    Raises:
        SpecError: The spec is at fault.
        DataError: A column or an id is missing, ids are damaged, or ``at`` is no time.

    Examples:
        >>> frame = pandas.DataFrame({"customer_id": [1, 2]})  # doctest: +SKIP
        >>> assign_table("experiment.yaml", frame, at="2026-01-05")  # doctest: +SKIP
           customer_id  variant reason  bucket  phase assigned_at
        ...
    """
    _refuse_other_word("check_ids", check_ids, ("none", "basic", "full"))
    _refuse_other_word("on_bad_id", on_bad_id, ("fail", "exclude"))
    loaded = load_spec(Path(spec))
    frame = _frame(customers)
    try:
        text = at.isoformat() if isinstance(at, date) else str(at)  # a datetime is a date too
        moment = parse_instant(text, loaded.spec.schedule.timezone)
    except ValueError as error:
        raise DataError(f"at {error}") from error
    plan = plan_of(loaded, moment, check_ids=check_ids, exclude_bad_ids=on_bad_id == "exclude")
    engine = DuckDBEngine(Path(), plan.zone, {"customers": frame.to_native()})
    _, name = assign_rows(engine, UnitsTable(path="customers", unit=plan.column), plan)
    return engine.rows(name).collect(frame.implementation).to_native()


def plan_of(loaded: LoadedSpec, at: datetime, **choices: Any) -> Plan:  # noqa: ANN401 - see Plan
    """How a spec assigns a list at a time; ``choices`` are the other fields of ``Plan``.

    Raises:
        SpecError: The spec is at fault.
    """
    column = hashed_column(loaded.spec)
    return Plan(
        experiment_in(loaded, blocked=True),
        at,
        column,
        loaded.spec.unit or column,
        stratify=loaded.spec.assignment.stratify,
        zone=loaded.spec.schedule.timezone,
        **choices,
    )


def _refuse_other_word(name: str, given: str, words: tuple[str, ...]) -> None:
    if given not in words:
        raise DataError(f"{name} is {given!r}; it must be one of {', '.join(words)}")


def _frame(customers: Any) -> nw.DataFrame[Any]:  # noqa: ANN401 - any kind of frame
    try:
        frame = nw.from_native(customers)
    except TypeError as error:
        raise DataError(
            f"customers is a {type(customers).__name__}",
            "Pass a pandas, Polars or PyArrow frame, or a DuckDB relation; for a file there is "
            "`abtest assign`.",
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise DataError("customers has several columns of one name", "Rename one.") from error
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame
