"""The site is built without a warning and without a network, and needs none to be read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from browser import running_browser
from support import ROOT

pytestmark = pytest.mark.integration
pytest.importorskip("material", reason="mkdocs-material is not installed")


def _build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    # A proxy that nobody listens on: a build that asks the network fails.
    nobody = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {
        **os.environ,
        **nobody,
        "PYTHONPATH": str(ROOT / "src"),
        "NO_MKDOCS_2_WARNING": "1",
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = _build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loads = re.compile(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="?(https?:[^" >]+)')
    found = {
        address
        for page in site.rglob("*.html")
        for address in loads.findall(page.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    ids = {page: set(re.findall(r'\bid="?([^" >]+)', text)) for page, text in pages.items()}
    lost = []
    for page, text in pages.items():
        if page.name == "404.html":
            continue
        for link in re.findall(r'<a\b[^>]*\bhref="?([^" >]+)', text):
            if re.match(r"https?:|mailto:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if target.is_dir():
                target /= "index.html"
            known = target.is_file() and (
                not anchor or anchor == "__top" or anchor in ids.get(target, set())
            )
            if not known:
                lost.append(f"{page.relative_to(site)}: {link}")
    assert lost == []


def test_the_search_has_the_words_of_the_reference(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for word in ("repeat_purchase", "non_inferiority_margin", "difference_ci_low"):
        assert word in index


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    for name in ("docs", "website"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    page = tmp_path / "docs" / "benchmarks.md"
    with page.open("a", encoding="utf-8") as text:
        text.write("\n[lost](how-to/read-a-report.md#no-such-heading)\n")
    done = _build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "no-such-heading" in done.stderr


def test_the_search_works_from_the_disk(site: Path) -> None:
    with running_browser() as browser:
        page = browser.new_page(offline=True)
        page.goto((site / "index.html").as_uri())
        query, first = (
            page.locator("[data-md-component=search-query]"),
            page.locator(".md-search-result__item").first,
        )
        for _ in range(20):  # what is typed before the index is read is not looked up
            query.fill("")
            query.press_sequentially("winsorize")
            page.wait_for_timeout(1000)
            if first.is_visible():
                break
        assert "inso" in first.inner_text(timeout=1000)
