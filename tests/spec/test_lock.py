"""The frozen plan as a file: readable, and nothing in it can be edited unseen."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from abtest.errors import DataError
from abtest.spec.drift import Change
from abtest.spec.lock import Lock, amended, lock_path, new_lock, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from abtest.spec.plan_values import Values

PLAN: Values = {"analysis.alpha": 0.05, "control": "شاهد", "variants": ["شاهد", "کوپن"]}


def frozen() -> Lock:
    """A lock with two amendments."""
    lock = new_lock(PLAN, {"cap": 1.5}, experiment="e", frozen_on="2026-01-04", version="1")
    lock = amended(lock, {"analysis.alpha": Change(0.05, 0.01)}, on="2026-01-12", why="Stricter")
    return amended(lock, {"unit": Change(None, "id")}, on="2026-01-13T09:00+01:00", why="Named")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = lock_path(tmp_path / "experiment.yaml")
    assert path.name == "experiment.lock.json"
    path.write_text(frozen().text(), encoding="utf-8")
    return path


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_it_is_read_as_it_was_written(path: Path) -> None:
    assert read_lock(path) == frozen()
    edit(path, lambda _: None)  # another layout of the same JSON
    assert read_lock(path) == frozen()


def test_one_value_a_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert '    "analysis.alpha": 0.05,' in lines
    assert '    "control": "شاهد",' in lines
    assert '    "variants": ["شاهد", "کوپن"]' in lines
    assert '        "analysis.alpha": {"before": 0.05, "after": 0.01}' in lines


def test_the_fingerprint_is_that_of_the_values() -> None:
    lock = new_lock(PLAN, {}, experiment="e", frozen_on="2026-01-04", version="1")
    body = {
        "schema": "abtest-lock/v1", "experiment": "e", "frozen_on": "2026-01-04",
        "abtest_version": "1", "plan": PLAN, "fixed": {},
    }  # fmt: skip
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    assert lock.sha256 == lock.head == hashlib.sha256(text.encode()).hexdigest()


def test_the_plan_with_its_amendments() -> None:
    assert frozen().plan_now() == {**PLAN, "analysis.alpha": 0.01, "unit": "id"}


def test_without_a_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "experiment.lock.json") is None


def set_plan(data: dict[str, Any]) -> None:
    data["plan"]["analysis.alpha"] = 0.1


def set_date(data: dict[str, Any]) -> None:
    data["frozen_on"] = "2025-12-31"


def set_fixed(data: dict[str, Any]) -> None:
    data["fixed"]["cap"] = 2.0


def set_reason(data: dict[str, Any]) -> None:
    data["amendments"][0]["why"] = "A better reason"


def set_change(data: dict[str, Any]) -> None:
    data["amendments"][1]["changes"]["unit"]["after"] = "other"


def drop_first(data: dict[str, Any]) -> None:
    del data["amendments"][0]


def drop_last(data: dict[str, Any]) -> None:
    del data["amendments"][1]


def drop_all(data: dict[str, Any]) -> None:
    data["amendments"] = []


def swap(data: dict[str, Any]) -> None:
    data["amendments"].reverse()


def add_key(data: dict[str, Any]) -> None:
    data["comment"] = "hello"


def newer(data: dict[str, Any]) -> None:
    data["schema"] = "abtest-lock/v2"


PLAN_EDITED = "edited by hand: the frozen plan does not match its fingerprint"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_plan, PLAN_EDITED),
        (set_date, PLAN_EDITED),
        (set_fixed, PLAN_EDITED),
        (set_reason, r"amendment 1 \(2026-01-12\) does not match its fingerprint"),
        (set_change, r"amendment 2 \(2026-01-13T09:00\+01:00\) does not match its fingerprint"),
        (drop_first, r"amendment 1 .* does not follow .*removed or reordered"),
        (drop_last, "its last amendments were removed"),
        (drop_all, "its last amendments were removed"),
        (swap, r"amendment 1 .* does not follow .*removed or reordered"),
        (add_key, "not a whole lock: `comment`"),
        (newer, "`schema` is .*this version of abtest reads"),
    ],
)
def test_what_was_edited_is_named(
    path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    edit(path, change)
    with pytest.raises(DataError, match=message) as caught:
        read_lock(path)
    wanted = "read it with the version that wrote it" if change is newer else "Restore it from"
    assert wanted in caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"plan": 1, "plan": 2}', "[" * 10**5])
def test_what_is_no_lock(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="no lock"):
        read_lock(path)


def test_a_key_that_hides_another(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = text.replace('"control"', '"analysis.alpha": 0.2, "control"', 1)
    path.write_text(shown, encoding="utf-8")
    with pytest.raises(DataError, match=r"no lock: 'analysis\.alpha' is there twice"):
        read_lock(path)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "experiment.lock.json"
    path.write_bytes(b"\xff")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_lock(path)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match="a link to a file that is not there"):
        read_lock(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_lock(path)


def test_what_editors_on_windows_add(path: Path) -> None:
    lock, text = read_lock(path), path.read_text(encoding="utf-8")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_lock(path) == lock
