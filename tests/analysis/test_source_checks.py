"""Checks on what was not read: broken lines, and rows that the spec leaves out."""

from __future__ import annotations

from abtest.analysis.health.readings import rows_left_out, skipped_lines


def test_skipped_lines() -> None:
    assert skipped_lines({}) is None
    found = skipped_lines({"assignments": 1, "orders": 1500})
    assert found is not None
    assert (found.key, found.status) == ("bad_lines", "warn")
    assert found.message == "Broken lines were skipped: 1 of assignments, 1,500 of orders."
    assert found.details == {"assignments": 1, "orders": 1500}


def test_rows_that_are_left_out_are_counted_by_rule() -> None:
    assert rows_left_out({}) is None
    assert rows_left_out({"orders": {}}) is None
    found = rows_left_out({"orders": {"keep": 1200, "test_customers": 0}, "refunds": {}})
    assert found is not None
    assert (found.key, found.status) == ("rows_left_out", "pass")
    assert found.message == (
        "Rows that the spec leaves out: 1,200 of orders by keep, 0 of orders by test_customers."
    )
    assert found.details == {"orders": {"keep": 1200, "test_customers": 0}}
