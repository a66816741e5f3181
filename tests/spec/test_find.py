"""Specs are found by what they are, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abtest.spec.find import is_invented, specs_in, specs_under

if TYPE_CHECKING:
    from pathlib import Path

SPEC = "spec: abtest/v1\nkey: a\n"


def written(folder: Path, *names: str, text: str = SPEC) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def test_other_names_and_what_is_no_spec(tmp_path: Path) -> None:
    written(tmp_path, "a/experiment.yaml", text="not: yet one\n")
    written(tmp_path, "a/b/آزمایش.yaml", "c.yml", "a/changed.yaml")
    written(tmp_path, "layers.yaml", text="holdout: {}\n")
    written(tmp_path, ".ipynb_checkpoints/experiment.yaml", "notes.txt")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    found = [path.relative_to(tmp_path).as_posix() for path in specs_under(tmp_path)]
    assert found == ["a/b/آزمایش.yaml", "a/experiment.yaml", "c.yml"]
    assert specs_in(tmp_path) == [tmp_path / "c.yml"]
    assert specs_in(tmp_path / "a") == [tmp_path / "a" / "experiment.yaml"]


@pytest.mark.parametrize(
    "text",
    ["\ufeffspec: abtest/v1\n", "# a comment\r\nspec: 'abtest/v1'\r\n", '"spec" : "abtest/v1"\n'],
)
def test_however_it_is_written(text: str, tmp_path: Path) -> None:
    written(tmp_path, "x.yaml", text=text)
    assert specs_in(tmp_path) == [tmp_path / "x.yaml"]


def test_nested_keys_are_no_spec(tmp_path: Path) -> None:
    written(tmp_path, "x.yaml", text="job:\n  spec: abtest/v1\n")
    assert specs_in(tmp_path) == []


def test_an_invented_campaign(tmp_path: Path) -> None:
    written(tmp_path, "x.yaml")
    assert not is_invented(tmp_path / "x.yaml")
    written(tmp_path, "truth.json", text="{}")
    assert is_invented(tmp_path / "x.yaml")
