"""The JavaScript client: its own tests, and its README, run in node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from abtest import Experiment, __version__, assign
from abtest.flags import Flag
from abtest.instants import parse_instant
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = ROOT / "clients" / "js"
SPEC = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
PACKAGE = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))


def node(*arguments: str, cwd: Path = CLIENT) -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [program, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_vector_in_node() -> None:
    found = node("--test", "--test-reporter=tap", "test/")
    assert re.search(r"^# pass [1-9]", found, re.MULTILINE)
    assert "# fail 0" in found
    assert "ok 1 - every vector is met" in found


def test_the_readme_runs_and_agrees_with_python(tmp_path: Path) -> None:
    readme = (CLIENT / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```js\n(.*?)```", readme, re.DOTALL)
    for name in ("abtest.js", "sha256.js"):
        shutil.copy(CLIENT / name, tmp_path)
    (tmp_path / "winback.flags.json").write_text(Flag.from_spec(SPEC).to_json(), encoding="utf-8")
    (tmp_path / "readme.mjs").write_text(code, encoding="utf-8")
    at = parse_instant("2026-01-06T12:00:00Z", "UTC")
    variant, reason, _, _ = assign(Experiment.from_spec(SPEC), "C000123", at=at)
    discount = Flag.from_spec(SPEC).payload(variant).get("discount_pct", 0)
    assert node("readme.mjs", cwd=tmp_path) == f"{variant} {reason} {discount}\n"


def test_the_package_is_whole() -> None:
    assert PACKAGE["version"] == __version__
    assert "dependencies" not in PACKAGE
    for name in PACKAGE["files"]:
        assert (CLIENT / name).is_file()
    imported = set(re.findall(r'from "\./(.*?)"', (CLIENT / "abtest.js").read_text("utf-8")))
    assert imported <= set(PACKAGE["files"])


TYPESCRIPT = "typescript@5.9.3"
CALLER = """\
import { Assignment, AssignmentError, Experiment, Flag } from "./abtest.js";

const flag: Flag = new Flag(JSON.parse("{}"));
const given: Assignment = flag.experiment.assign(7n, { at: new Date() });
const pct: unknown = flag.payload(given.variant)["discount_pct"];
const key: string | null = new Experiment("{}").variant("a", { at: "2026-01-05T09:00:00Z" });
const sure: boolean = given.reason === "split" && new AssignmentError("no") instanceof Error;
// @ts-expect-error - a unit is not just anything
flag.experiment.assign({ id: 1 });
// @ts-expect-error - no variant is null, not ""
const variant: string = given.variant;
// @ts-expect-error - a reason that does not exist
const wrong: boolean = given.reason === "excluded";
export { key, pct, sure, variant, wrong };
"""


@pytest.mark.integration
def test_the_types_say_what_typescript_understands(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    for name in ("abtest.js", "abtest.d.ts", "sha256.js"):
        shutil.copy(CLIENT / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "caller.ts").write_text(CALLER, encoding="utf-8")
    options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", TYPESCRIPT]
    done = subprocess.run(
        [npm, "install", *options], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        pytest.skip(f"{TYPESCRIPT} cannot be installed: {done.stderr.strip()[-200:]}")
    strict = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022"]
    assert node("node_modules/typescript/bin/tsc", *strict, "caller.ts", cwd=tmp_path) == ""


def test_the_types_name_what_is_exported() -> None:
    code = (CLIENT / "abtest.js").read_text(encoding="utf-8")
    types = (CLIENT / "abtest.d.ts").read_text(encoding="utf-8")
    exported = set(re.findall(r"^export class (\w+)", code, re.MULTILINE))
    assert exported == set(re.findall(r"^export class (\w+)", types, re.MULTILINE))
    assert exported == {"AssignmentError", "Experiment", "Flag"}
