"""What imports what, and what is loaded when."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import pytest

from abtest.methods import METHODS
from abtest.metrics import AnyMetric
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = [
    "duckdb",
    "narwhals",
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "pydantic",
    "yaml",
    "jinja2",
]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    probe = f"import sys\n{statement}\nprint(*sys.modules)"
    # No subprocess coverage here: measuring loads modules of its own.
    env = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    run = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=env
    )
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_imports_point_down() -> None:
    command = shutil.which("lint-imports", path=os.path.dirname(sys.executable))  # noqa: PTH120
    if command is None:
        pytest.skip("import-linter is not installed")
    run = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_the_public_names() -> None:
    import abtest  # noqa: PLC0415 - what a user writes

    assert abtest.__all__ == [
        "AbtestError",
        "AssignmentError",
        "DataError",
        "Experiment",
        "Result",
        "SpecError",
        "__version__",
        "analyze",
        "assign",
        "assign_table",
    ]
    assert dir(abtest) == abtest.__all__
    for name in abtest.__all__:
        assert getattr(abtest, name) is not None
    with pytest.raises(AttributeError, match="module 'abtest' has no attribute 'analyse'"):
        abtest.analyse  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "statement",
    ["import abtest", "from abtest import assign", "from abtest import Experiment, SpecError"],
)
def test_assigning_loads_no_third_party_module(statement: str) -> None:
    extra = loaded_by(statement) - loaded_by("pass") - set(sys.stdlib_module_names)
    assert extra == {"abtest"}


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("import abtest.cli.app") & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["--help", "--version", "analyze --help", "assign --help"])
def test_asking_for_help_loads_nothing_heavy(command: str) -> None:
    """The library of the command line loads pydantic itself to describe a command's options."""
    call = (
        "import io, contextlib\n"
        f"sys.argv = ['abtest', *{command.split()!r}]\n"
        "from abtest.cli.app import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()"
    )
    allowed = {"pydantic"} if " " in command else set()
    assert loaded_by(call) & set(HEAVY) <= allowed


@pytest.mark.parametrize(
    "path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix()
)
def test_source(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    asserts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert asserts == [], "an assert vanishes with -O"
    assert len(text.splitlines()) <= 420
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and _body_lines(node) > 45
    ]
    assert long == []


def _body_lines(node: ast.FunctionDef) -> int:
    """Lines after the docstring."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


def test_no_tracked_file_names_a_place_on_this_machine() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    run = subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    places = [f"{ROOT}/", f"{sys.prefix}/", f"{os.path.expanduser('~')}/", "/" + "tmp/"]  # noqa: PTH111
    found = [
        f"{name}: {place}"
        for name in run.stdout.split("\0")
        if name and (ROOT / name).is_file()
        for place in places
        if len(place) > 2 and place.encode() in (ROOT / name).read_bytes()
    ]
    assert found == []


def test_each_method_has_a_file_of_its_own() -> None:
    homes = [method.__module__ for method in METHODS]
    assert len(set(homes)) == len(homes)
    assert all(home.startswith("abtest.methods.") for home in homes)


def test_each_metric_has_a_file_of_its_own() -> None:
    homes = [metric.__module__ for metric in get_args(get_args(AnyMetric)[0])]
    assert len(set(homes)) == len(homes)
    assert all(home.startswith("abtest.metrics.") for home in homes)


def test_kinds_are_unique() -> None:
    for union in (get_args(get_args(AnyMetric)[0]), METHODS):
        kinds = [get_args(member.model_fields["kind"].annotation)[0] for member in union]
        assert len(set(kinds)) == len(kinds)
