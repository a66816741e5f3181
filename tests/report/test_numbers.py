"""Numbers are formatted in one place; each expected text was worked out by hand."""

from __future__ import annotations

import pytest

from abtest.report import numbers
from abtest.report.units import PLAIN, SHARE

UNITS = {"share": SHARE, "plain": PLAIN}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.0, "<0.0001"),
        (0.0000999, "<0.0001"),
        (0.0001, "0.0001"),
        (0.05, "0.0500"),
        (1.0, "1.0000"),
    ],
)
def test_pvalue(value: float | None, text: str) -> None:
    assert numbers.pvalue(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.0, "<0.1%"),
        (0.00099, "<0.1%"),
        (0.5, "50.0%"),
        (0.999, "99.9%"),
        (0.9991, ">99.9%"),
        (1.0, ">99.9%"),
    ],
)
def test_a_probability_is_never_certain(value: float | None, text: str) -> None:
    assert numbers.probability(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.0, "0.00%"),
        (-0.0, "0.00%"),
        (0.00001, "+0.00%"),
        (-0.00001, "-0.00%"),
        (0.0999, "+9.99%"),
        (0.1, "+10.0%"),
        (-0.5, "-50.0%"),
        (25.0, "+2,500.0%"),
    ],
)
def test_lift_is_a_signed_percentage(value: float | None, text: str) -> None:
    assert numbers.lift(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, "—"),
        (-0.01, 0.03, "-1.00% to +3.00%"),
        (0.01, None, "from +1.00%, no upper bound"),
        (0.0, None, "from 0.00%, no upper bound"),
        (None, 0.03, "up to +3.00%, no lower bound"),
    ],
)
def test_an_absent_end_is_named(low: float | None, high: float | None, text: str) -> None:
    assert numbers.lift_with_interval(0.02, low, high) == ("+2.00%", text)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("share", 0.0, "0.00%"),
        ("share", 1.0, "100.00%"),
        ("share", 0.19021, "19.02%"),
        ("share", 0.00012, "0.012%"),
        ("plain", 0.0, "0.00"),
        ("plain", 51.87240, "51.87"),
        ("plain", 1234567.891, "1,234,567.89"),
        ("plain", 0.0123456, "0.01235"),
        ("plain", 3.2e-8, "3.2e-08"),
        ("plain", -20.0, "-20.00"),
        ("plain", 1e18, "1e+18"),
        ("plain", None, "—"),
    ],
)
def test_a_value_is_written_in_its_own_unit(unit: str, value: float | None, text: str) -> None:
    assert numbers.value_with_interval(value, None, None, unit=UNITS[unit]) == (text, "—")


@pytest.mark.parametrize(
    ("unit", "control", "value", "texts"),
    [
        ("plain", 0.6528, 1.4228, ("0.6528", "1.4228")),
        ("plain", 0.0, 0.0123456, ("0.00000", "0.01235")),
        ("plain", None, 12.5, ("—", "12.50")),
        ("plain", None, None, ("—", "—")),
        ("share", 0.00012, 0.25, ("0.012%", "25.000%")),
        ("share", 0.1902, 0.1820, ("19.02%", "18.20%")),
    ],
)
def test_values_that_are_compared_share_their_decimals(
    unit: str, control: float | None, value: float | None, texts: tuple[str, str]
) -> None:
    assert numbers.compared_values(control, value, unit=UNITS[unit]) == texts


@pytest.mark.parametrize(
    ("unit", "ends", "texts"),
    [
        ("share", (-0.0082, -0.0133, -0.0031), ("-0.82 pp", "-1.33 to -0.31 pp")),
        ("share", (0.01, 0.001, None), ("+1.00 pp", "from +0.10 pp, no upper bound")),
        ("share", (0.01, None, 0.02), ("+1.00 pp", "up to +2.00 pp, no lower bound")),
        ("plain", (0.001, -0.0002, 0.0022), ("+0.0010", "-0.0002 to +0.0022")),
        ("plain", (25.633, -14.2, 65.5), ("+25.63", "-14.20 to +65.50")),
        ("plain", (0.0, 0.0, 0.0), ("0.00", "0.00 to 0.00")),
        ("plain", (None, None, None), ("—", "—")),
    ],
)
def test_a_difference_shares_its_decimals_with_its_interval(
    unit: str,
    ends: tuple[float | None, float | None, float | None],
    texts: tuple[str, str],
) -> None:
    assert numbers.difference_with_interval(*ends, unit=UNITS[unit]) == texts


@pytest.mark.parametrize(
    ("value", "unit", "model", "text"),
    [
        (None, "plain", "normal_log_lift", "—"),
        (0.0, "plain", "normal_log_lift", "0.00%"),
        (0.00005, "plain", "normal_log_lift", "<0.01%"),
        (0.0123, "share", "beta_binomial", "1.23%"),
        (0.5, "plain", "normal_difference", "0.50"),
        (0.005, "share", "normal_difference", "0.50 pp"),
    ],
)
def test_expected_loss_is_relative_unless_the_model_is_on_the_difference(
    value: float | None, unit: str, model: str, text: str
) -> None:
    assert numbers.expected_loss(value, unit=UNITS[unit], model=model) == text


def test_counts_levels_and_money() -> None:
    assert (numbers.count(None), numbers.count(0), numbers.count(1234567)) == (
        "—",
        "0",
        "1,234,567",
    )
    assert [numbers.level(level) for level in (0.95, 0.9, 0.975)] == ["95%", "90%", "97.5%"]
    assert numbers.money(12.5, None, None) == ("12.50", "—")
    assert numbers.money(None, 1.0, 2000.0) == ("—", "1 to 2,000")
