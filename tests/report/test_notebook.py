"""A result in a notebook: framed, inert, and shown by marimo."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from abtest.report import render
from report.report_fixtures import MARKUP, SCRIPT, hostile_result, result, rich_result
from report.test_html import Page

if TYPE_CHECKING:
    from pathlib import Path


def test_the_frame_holds_the_page_and_nothing_else() -> None:
    (frame,) = Page(result()._repr_html_()).elements
    tag, attributes = frame
    assert tag == "iframe"
    assert attributes["sandbox"] == ""
    assert attributes["srcdoc"] == render(result(), "html")
    assert attributes["title"] == "Report of winback"


def test_no_name_leaves_the_frame() -> None:
    shown = hostile_result()._repr_html_()
    (frame,) = Page(shown).elements
    assert frame[1]["title"] == f"Report of {MARKUP}"
    assert SCRIPT not in shown
    assert shown.count("<") == 2
    assert SCRIPT not in html.unescape(shown)


def test_markdown_is_the_markdown_report() -> None:
    assert rich_result()._repr_markdown_() == render(rich_result(), "md")


def test_a_result_is_shown_without_anybody_loading_the_report() -> None:
    code = (
        "import sys; from abtest.analysis.result import Result;"
        "made = Result.model_validate_json(sys.stdin.read());"
        "before = 'abtest.report' in sys.modules;"
        "print(before, made._repr_html_()[:7])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=result().model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "<iframe"]


NOTEBOOK = """\
import marimo

app = marimo.App()


@app.cell
def _():
    from pathlib import Path

    from abtest import Result

    result = Result.model_validate_json(Path({path!r}).read_text(encoding="utf-8"))
    result
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.mark.integration
def test_marimo_shows_the_report(tmp_path: Path) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed")
    saved, notebook, out = (tmp_path / name for name in ("result.json", "nb.py", "out.html"))
    saved.write_text(rich_result().model_dump_json(), encoding="utf-8")
    notebook.write_text(NOTEBOOK.format(path=str(saved)), encoding="utf-8")
    command = [sys.executable, "-m", "marimo", "-q", "export", "html", str(notebook), "-o"]
    done = subprocess.run(
        [*command, str(out)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert re.search(r"iframe title=.{0,20}Report of winback", text), text[:2000]
    assert "Win-back incentive mix" in text
