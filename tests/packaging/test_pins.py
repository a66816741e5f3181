"""The locks, without a network: pinned, hashed, under licences that a company can accept."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from packaging.requirements import Requirement

from support import ROOT

LOCKS = ("requirements.txt", "requirements-integration.txt")
# Anything else is a decision for people: read the licence, then add it here.
ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}


def _sbom() -> Any:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / ".ci" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SBOM = _sbom()


def lines_of(lock: str) -> list[str]:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_once_with_hashes(lock: str) -> None:
    names = []
    for line in lines_of(lock):
        requirement = Requirement(re.sub(r"--hash=\S+", "", line))
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), line
        assert requirement.url is None
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), requirement.name
        assert not re.search(r"--hash=(?!sha256:)", line)
        names.append(SBOM.name_of(requirement.name))
    assert len(names) == len(set(names))
    assert len(names) > 30


def test_no_package_is_pinned_to_two_versions() -> None:
    first, second = (SBOM.pins((ROOT / lock).read_text("utf-8")) for lock in LOCKS)
    different = [name for name in first.keys() & second.keys() if first[name][0] != second[name][0]]
    assert different == []


def test_the_pins_are_within_what_is_declared() -> None:
    import tomllib  # noqa: PLC0415

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = SBOM.pins((ROOT / LOCKS[0]).read_text(encoding="utf-8"))
    for text in (*project["dependencies"], *project["optional-dependencies"]["dev"]):
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned[SBOM.name_of(requirement.name)][0]), text


def test_the_licences_are_ones_that_a_company_can_accept() -> None:
    found = {
        name: SBOM.licence_of(name) for name in SBOM.pins((ROOT / LOCKS[0]).read_text("utf-8"))
    }
    absent = [name for name, licence in found.items() if licence is None]
    assert len(absent) <= 5, absent  # what another platform needs is not installed here
    words = {
        name: set(re.split(r" AND | OR |[()]", licence)) - {""}
        for name, licence in found.items()
        if licence is not None
    }
    assert {name: found for name, found in words.items() if not found <= ACCEPTED} == {}


def test_the_bill_of_materials() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "sbom.py")]
    runs = [subprocess.run(command, check=True, capture_output=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    bom = json.loads(runs[0])
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    parts = {part["name"]: part for part in bom["components"]}
    assert parts.keys() == SBOM.pins((ROOT / LOCKS[0]).read_text("utf-8")).keys()
    assert parts["duckdb"]["scope"] == "required"
    assert parts["pytest"]["scope"] == "optional"
    assert parts["pandas"]["purl"].startswith("pkg:pypi/pandas@")
    references = [part["bom-ref"] for part in bom["components"]]
    assert len(references) == len(set(references))
    [tree] = bom["dependencies"]
    assert set(tree["dependsOn"]) <= set(references)
    assert all("licenses" in part for part in parts.values() if part["scope"] == "required")
