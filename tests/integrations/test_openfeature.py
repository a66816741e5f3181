"""The provider, asked through the real SDK."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("openfeature", reason="openfeature-sdk is not installed")

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.track import TrackingEventDetails

from abtest import AssignmentError, Experiment
from abtest.assignment.parts import Holdout, Phase, Schedule
from abtest.exposures import Event, Exposure, ExposureLog
from abtest.flags import Flag
from abtest.openfeature import AbtestProvider
from command_line import run
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from openfeature.client import OpenFeatureClient

    from abtest.exposures import Record

pytestmark = pytest.mark.integration
SPEC = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
AT = datetime(2026, 1, 6, tzinfo=UTC)
PAYLOAD: dict[str, Any] = {
    "pct": 10,
    "rate": 0.5,
    "free": True,
    "text": "سلام",
    "tags": ["a"],
    "none": None,
}


class Kept:
    """A sink in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, records: Sequence[Record]) -> None:
        self.records += records

    def close(self) -> None:
        pass


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def log(kept: Kept) -> Iterator[ExposureLog]:
    log = ExposureLog(kept)
    yield log
    log.close()


def winback(**changes: Any) -> Flag:
    experiment = Experiment(
        "win.back", [("control", 1), ("coupon", 1)], overrides={"vip": "coupon"}, **changes
    )
    return Flag(experiment, {"coupon": PAYLOAD}, fingerprint="f" * 64)


def client_of(*flags: Flag, log: ExposureLog | None = None, at: datetime = AT) -> OpenFeatureClient:
    api.set_provider(AbtestProvider(flags, exposures=log, clock=lambda: at))
    return api.get_client()


def of(unit: str, **attributes: Any) -> EvaluationContext:
    return EvaluationContext(unit, attributes)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    api.clear_providers()


@pytest.mark.parametrize(
    ("kind", "key", "default", "value"),
    [
        ("boolean", "win.back.free", False, True),
        ("string", "win.back.text", "", "سلام"),
        ("string", "win.back", "", "coupon"),
        ("integer", "win.back.pct", 0, 10),
        ("float", "win.back.rate", 0.0, 0.5),
        ("float", "win.back.pct", 0.0, 10.0),
        ("object", "win.back.tags", [], ["a"]),
        ("object", "win.back", {}, PAYLOAD),
    ],
)
def test_a_value_of_each_type(kind: str, key: str, default: Any, value: Any) -> None:
    found = getattr(client_of(winback()), f"get_{kind}_details")(key, default, of("vip"))
    assert found.error_message is None
    assert found.value == value
    assert type(found.value) is type(value)
    assert (found.variant, found.reason) == ("coupon", "TARGETING_MATCH")


@pytest.mark.parametrize(
    ("kind", "key", "default"),
    [
        ("boolean", "win.back", False),
        ("boolean", "win.back.pct", False),
        ("integer", "win.back.free", 0),
        ("integer", "win.back.rate", 0),
        ("float", "win.back.free", 0.0),
        ("string", "win.back.pct", ""),
        ("object", "win.back.text", {}),
    ],
)
def test_another_type_is_an_error_and_no_exposure(
    kind: str, key: str, default: Any, kept: Kept, log: ExposureLog
) -> None:
    client = client_of(winback(), log=log)
    found = getattr(client, f"get_{kind}_details")(key, default, of("vip"))
    assert (found.value, found.reason) == (default, "ERROR")
    assert found.error_code is ErrorCode.TYPE_MISMATCH
    assert f"asked for as {kind}" in (found.error_message or "")
    assert log.flush()
    assert kept.records == []


def test_the_split_of_the_experiment_is_what_is_served(kept: Kept, log: ExposureLog) -> None:
    flag = winback()
    client = client_of(flag, log=log)
    units = [f"C{n}" for n in range(40)]
    for unit in units:
        found = client.get_integer_details("win.back.pct", 0, of(unit))
        variant = flag.experiment.variant(unit)
        assert found.variant == variant
        assert found.reason == "SPLIT"
        assert found.value == (10 if variant == "coupon" else 0)
    assert log.flush()
    shown = [record for record in kept.records if isinstance(record, Exposure)]
    # Control, whose payload lacks the field, is exposed as well.
    assert [record.unit for record in shown] == units
    assert {record.variant for record in shown} == {"control", "coupon"}
    assert {(r.experiment, r.reason, r.fingerprint, r.at) for r in shown} == {
        ("win.back", "split", "f" * 64, AT)
    }
    assert shown[0].details == {"flag": "win.back.pct"}


def test_a_null_is_the_default() -> None:
    found = client_of(winback()).get_string_details("win.back.none", "normal", of("vip"))
    assert (found.value, found.variant, found.error_code) == ("normal", "coupon", None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"coverage_parts": 0}, "DEFAULT"),
        ({"holdout": Holdout("holdout", 10_000)}, "DEFAULT"),
        ({"schedule": Schedule(datetime(2026, 2, 1, tzinfo=UTC))}, "DISABLED"),
    ],
)
def test_who_is_in_no_variant_gets_the_default(
    changes: dict[str, Any], reason: str, kept: Kept, log: ExposureLog
) -> None:
    client = client_of(winback(**changes), log=log)
    found = client.get_integer_details("win.back.pct", 3, of("C1"))
    assert (found.value, found.variant, found.reason) == (3, None, reason)
    assert found.error_code is None
    assert log.flush()
    assert kept.records == []


def test_the_metadata_says_which_experiment_and_phase() -> None:
    phases = [Phase(datetime(2026, 1, 5, tzinfo=UTC), coverage_parts=10_000)]
    flag = winback(coverage_parts=1, phases=phases)
    found = client_of(flag).get_object_details("win.back", {}, of("C1"))
    assert found.flag_metadata == {
        "experiment": "win.back",
        "fingerprint": "f" * 64,
        "unit": "C1",
        "reason": "split",
        "bucket": int(sha256(b"win.back:C1").hexdigest()[:13], 16) * 10_000 >> 52,
        "phase": 0,
    }


@pytest.mark.parametrize(
    ("key", "context", "code", "message"),
    [
        ("winbck", of("a"), ErrorCode.FLAG_NOT_FOUND, "the experiments are: win.back"),
        ("win.back.prce", of("a"), ErrorCode.FLAG_NOT_FOUND, "its fields are: free, none, pct"),
        ("win.back", None, ErrorCode.TARGETING_KEY_MISSING, "it must be the unit"),
        ("win.back", of("\ud800"), ErrorCode.INVALID_CONTEXT, "it must be valid Unicode"),
    ],
)
def test_errors_have_codes(key: str, context: Any, code: ErrorCode, message: str) -> None:
    found = client_of(winback()).get_string_details(key, "default", context)
    assert (found.value, found.reason, found.error_code) == ("default", "ERROR", code)
    assert message in (found.error_message or "")


def test_a_cluster_is_an_attribute_of_the_context() -> None:
    experiment = winback().experiment
    flag = Flag(experiment, cluster="household_id")
    client = client_of(flag)
    found = client.get_string_details("win.back", "", of("C1", household_id="H1"))
    assert found.value == experiment.variant("H1")
    missing = client.get_string_details("win.back", "", of("C1"))
    assert missing.error_code is ErrorCode.INVALID_CONTEXT
    assert "is split by 'household_id'" in (missing.error_message or "")


def test_events_are_tracked(kept: Kept, log: ExposureLog, caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(winback(), log=log)
    client.track("order", of("C1"), TrackingEventDetails(49.9, {"coupon": True}))
    client.track("visit", of("C1"))
    client.track("order", of(""))
    client.track("order", of("C1"), TrackingEventDetails(1.0, {"lines": [1, 2]}))
    assert log.flush()
    facts = [(r.name, r.unit, r.value, r.details) for r in kept.records if isinstance(r, Event)]
    assert facts == [("order", "C1", 49.9, {"coupon": True}), ("visit", "C1", None, {})]
    assert len(caplog.records) == 2
    assert "is not logged: unit is ''" in caplog.text


def test_without_a_log_nothing_is_logged() -> None:
    client = client_of(winback())
    client.track("order", of("C1"))
    assert client.provider.get_provider_hooks() == []


def test_an_id_that_cannot_be_logged_is_served(
    kept: Kept, log: ExposureLog, caplog: pytest.LogCaptureFixture
) -> None:
    found = client_of(winback(), log=log).get_string_details("win.back", "", of("a\0b"))
    assert found.error_code is None
    assert found.variant is not None
    assert log.flush()
    assert kept.records == []
    assert "must have no NUL" in caplog.text


def test_two_flags_of_one_key_are_refused() -> None:
    with pytest.raises(AssignmentError, match=r"flags holds 'win\.back' twice"):
        AbtestProvider([winback(), winback()])


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "how-to" / "openfeature.md").read_text(encoding="utf-8")
    run("compile", SPEC, "--flags", "-o", "winback.flags.json").worked()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "openfeature.md", "exec"), names)  # noqa: S102 - our own page
    assert (names["discount"], names["free"]) == (10, True)  # an override of the example
    assert names["log"].counts.written == 3
