"""Text in, plain data and lines out: what YAML can do to a spec."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from abtest.errors import SpecError
from abtest.spec import load_spec
from abtest.spec.yaml_text import MAX_BYTES, parse_document, read_document
from specs import COLUMNS, EVENTS, changed, faults, loaded


def written(folder: Path, content: bytes) -> Path:
    path = folder / "experiment.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("007", "007"),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("+1", 1),
        ("1.50", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("017", "017"),
        ("12:30", "12:30"),
        ("12:30:00", "12:30:00"),
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T09:30:00Z", "2026-01-05T09:30:00Z"),
        ("2026-01-05 09:30", "2026-01-05 09:30"),
        ("no", "no"),
        ("NO", "NO"),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"7"', "7"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("-.inf", "-.inf"),
        ("=", "="),
        ("9" * 30, int("9" * 30)),
        ("9" * 5_000, "9" * 5_000),
        ("کوپن‌ویژه", "کوپن‌ویژه"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    found = parse_document(f"a: {text}\n").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_words_that_other_readers_take_for_booleans_name_variants() -> None:
    text = changed(COLUMNS, ("key: control,", "key: no,"), ("key: coupon", "key: on"))
    assert [variant.key for variant in loaded(text).spec.variants or ()] == ["no", "on"]


def test_a_variant_may_be_a_number_and_keeps_its_zeros() -> None:
    text = changed(COLUMNS, ("key: control,", "key: 7,"), ("key: coupon", "key: 007"))
    assert [variant.key for variant in loaded(text).spec.variants or ()] == ["7", "007"]


@pytest.mark.parametrize("name", ["کنترل", "عرض خاص", "کوپن‌ویژه", "割引", "É", "a, b", "x: y"])
def test_names_of_variants_may_be_in_any_script(name: str) -> None:
    text = changed(COLUMNS, ("key: coupon", f'key: "{name}"'))
    assert [variant.key for variant in loaded(text).spec.variants or ()][1] == name


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda t: t.encode("utf-8-sig"), id="byte order mark"),
        pytest.param(lambda t: t.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda t: ("\ufeff" + t.replace("\n", "\r\n")).encode(), id="both"),
        pytest.param(lambda t: t.rstrip("\n").encode(), id="no last line break"),
        pytest.param(lambda t: f"---\n{t}".encode(), id="document start"),
    ],
)
def test_how_editors_save_text(tmp_path: Path, encode: Any) -> None:
    found = load_spec(written(tmp_path, encode(COLUMNS)))
    assert found.spec == loaded(COLUMNS).spec


def test_lines_survive_windows_line_ends(tmp_path: Path) -> None:
    text = changed(COLUMNS, ("role: primary", "rol: primary")).replace("\n", "\r\n")
    with pytest.raises(SpecError, match=r"experiment\.yaml:11: metrics\.0\.rol: unknown key"):
        load_spec(written(tmp_path, text.encode()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("# a comment\n", "is empty"),
        ("- a\n", "is not a mapping of keys to values"),
        ("hello\n", "is not a mapping of keys to values"),
        (COLUMNS + "---\n" + COLUMNS, "13: holds more than one document"),
        (changed(COLUMNS, ("  units", "\tunits")), "Indent with spaces, not tabs"),
        (changed(COLUMNS, ("key: gate", "key: 'gate")), "2: opens a quote that is never closed"),
        (changed(COLUMNS, ("key: gate", "key: a: b")), '2: is not YAML.*"\\: " in quotes'),
        (changed(COLUMNS, ("key: gate", "key: @gate")), "2: is not YAML.*\n.*in quotes"),
        (changed(COLUMNS, ("true}", "true")), "bracket that opens on line 6 may not be closed"),
        (changed(COLUMNS, ("kind:", " kind:")), "3: is not YAML"),
        ("a: b\n c: d\n- e\n", "2: is not YAML"),
        ("a:\n  - b\n c\n", "3: is not YAML.*\n.*block that starts on line 1"),
        ("a: *b\n", "1: is not YAML: found undefined alias"),
        ("a: b\nc: \x07\n", "2: holds the control character U\\+0007"),
        ("a: \x00\n", "1: holds the control character U\\+0000"),
        ('a: 1\nb: "\\ud800"\n', "2: b: .*valid Unicode"),
        ('a: 1\n"\\ud800": 1\n', "keys must be text"),
        ("a: {b: 1e400}\n", "1: a.b: is inf; it must be a finite number"),
        ("a: [" + "1," * 60_000 + "1]", "more than 20,000 values"),
        ("a: " + "[" * 3_000, "nested more than 50 levels deep"),
        ("\n".join("  " * i + "a:" for i in range(99)), "50: .*nested more than 50 levels deep"),
        ("a: &a [*a]\n", "expands to more than 50 levels"),
        ("x" * (MAX_BYTES + 1), "is too large; a spec must be at most 1,000,000 bytes"),
    ],
)
def test_text_that_is_no_spec_says_what_to_do(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=f"(?s)e.yaml:?.*{message}"):
        parse_document(text, "e.yaml")


def test_an_anchor_bomb_is_refused_before_it_explodes() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(SpecError, match=r"expands to more than 20,000 values\n.*Write anchors"):
        parse_document("\n".join(lines), "e.yaml")


def test_aliases_are_read() -> None:
    text = changed(EVENTS, ("window: {end: 30d}, role", "window: &w {end: 30d}, role"))
    text = changed(text, ("orders, window: {end: 30d}}", "orders, window: *w}"))
    assert [str(m.window.end) for m in loaded(text).spec.metrics if hasattr(m, "window")] == [
        "30 days, 0:00:00"
    ] * 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("kind: pricing\n", "13: kind: is written twice, first on line 3\n  Hint: Keep one"),
        ("analysis:\n  alpha: 0.1\n  alpha: 0.2\n", "15: analysis.alpha: is written twice"),
        ("analysis:\n  <<: {alpha: 0.1}\n", "14: analysis.<<: is a merge key"),
        ("title: !!python/object:os.system x\n", "13: title: has the tag"),
        ("title: !secret x\n", "13: title: has the tag !secret"),
        ("? [a]\n: 4\n", "13: has a key that is a list or a mapping"),
    ],
)
def test_faults_of_the_text_do_not_hide_the_others(more: str, message: str) -> None:
    found = faults(changed(COLUMNS, ("key: gate", "key: a b")) + more)
    assert len(found) == 2, found
    assert found[0].startswith("2: key: is 'a b'")
    assert found[1].startswith(message)


def test_keys_are_text_whatever_they_look_like() -> None:
    text = (
        COLUMNS + "assignment: {overrides: {1: coupon, 007: coupon, no: coupon, null: control}}\n"
    )
    assert list(loaded(text).spec.assignment.overrides) == ["1", "007", "no", "null"]


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = written(tmp_path, "a: b\ntitle: Größe\n".encode("latin-1"))
    with pytest.raises(SpecError, match=r"yaml:2: is not UTF-8 text\n  Hint: Save the file as UTF"):
        read_document(path)


def test_text_in_utf16(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        read_document(written(tmp_path, COLUMNS.encode("utf-16")))


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(SpecError, match=r"is too large.*\n  Hint: Data belong in the files"):
        read_document(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"missing\.yaml: does not exist\n  Hint: Check the path"):
        read_document(tmp_path / "missing.yaml")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"is a folder.*\n  Hint: Name the file in it: .*\.yaml"):
        read_document(tmp_path)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(SpecError, match="cannot be read: embedded null"):
        read_document(Path("a\0b"))


def test_a_file_below_a_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: not a directory"):
        read_document(written(tmp_path, b"a: b") / "experiment.yaml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names need POSIX")
def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(COLUMNS,))
    writer.start()
    found = load_spec(path)
    writer.join()
    assert found.spec.key == "gate"


def test_the_line_of_a_path_is_that_of_its_nearest_part() -> None:
    document = parse_document(EVENTS)
    assert document.line(("metrics", 1, "window", "end")) == 16
    assert document.line(("metrics", 1, "window", "start")) == 16
    assert document.line(("data", "events", "refunds")) == 13
    assert document.line(("decision",)) == 1
    assert document.line(()) == 1
