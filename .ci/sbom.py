"""A software bill of materials, CycloneDX 1.6 as JSON: what is locked, under which licence.

    python .ci/sbom.py > sbom.json

It reads the pins and hashes of requirements.txt and the licences of what is installed, so it needs
no network. The dependencies of the program itself are marked `required`, tools `optional`. The same
lock and the same environment give the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(
    r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)(?:\s*;([^\\\n]*))?((?:\s*\\\n\s+--hash=\S+)*)",
    re.MULTILINE,
)
# From words of the classifiers to identifiers of SPDX, where a package has no expression.
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def name_of(text: str) -> str:
    """A package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Version and SHA-256 sums of each package in a lock."""
    found = {}
    for match in PIN.finditer(lock):
        sums = re.findall(r"--hash=sha256:([0-9a-f]{64})", match[4])
        found[name_of(match[1])] = (match[2], sums)
    return found


def licence_of(name: str) -> str | None:
    """The licence of an installed package, as an SPDX expression where it says so."""
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return None
    if metadata.get("License-Expression"):
        return str(metadata["License-Expression"])
    lines = metadata.get_all("Classifier") or ()
    named = [line.rpartition(" :: ")[2] for line in lines if line.startswith("License ::")]
    known = [CLASSIFIERS[word] for word in named if word in CLASSIFIERS]
    if known:
        return " OR ".join(sorted(set(known)))
    text = str(metadata.get("License") or "").strip()
    return text.splitlines()[0][:80] if text else None


def is_expression(licence: str) -> bool:
    """Whether it is written in identifiers of SPDX."""
    words = re.split(r" AND | OR | WITH |[() ]+", licence)
    return all(re.fullmatch(r"[A-Za-z0-9.+-]+", word) for word in words if word)


def bare(requirement: str) -> str:
    """The name in a requirement."""
    return name_of(re.split(r"[\s\[<>=!~;(]", requirement)[0])


def required(roots: list[str]) -> set[str]:
    """What the program needs, with what that needs, as far as it is installed."""
    found: set[str] = set()
    waiting = [name_of(root) for root in roots]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        needed = [need for need in needs if "extra ==" not in need]
        waiting += [bare(need) for need in needed]
    return found


def bom(root: Path) -> dict[str, Any]:
    """The bill of materials of the lock beside pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = (root / "src" / "abtest" / "__init__.py").read_text(encoding="utf-8")
    version = source.partition('__version__ = "')[2].partition('"')[0]
    needed = required([bare(need) for need in project["dependencies"]])
    components = []
    lock = (root / "requirements.txt").read_text(encoding="utf-8")
    for name, (pinned, sums) in sorted(pins(lock).items()):
        component: dict[str, Any] = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{pinned}",
            "name": name,
            "version": pinned,
            "purl": f"pkg:pypi/{name}@{pinned}",
            "scope": "required" if name in needed else "optional",
        }
        licence = licence_of(name)
        if licence is not None:
            told = {"expression": licence} if is_expression(licence) else None
            component["licenses"] = [told or {"license": {"name": licence}}]
        # One sum for each file that the index has; any of them may be what was installed.
        component["properties"] = [{"name": "abtest:sha256", "value": value} for value in sums]
        components.append(component)
    program = {
        "type": "application",
        "bom-ref": "abtest",
        "name": "abtest",
        "version": version,
        "licenses": [{"license": {"id": project["license"]}}],
    }
    direct = [part["bom-ref"] for part in components if part["scope"] == "required"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": [{"ref": "abtest", "dependsOn": direct}],
    }


if __name__ == "__main__":
    json.dump(bom(ROOT), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
