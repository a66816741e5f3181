"""The examples on the pages about methods are true."""

from __future__ import annotations

import doctest
import re

import pytest

from specs import EVENTS, changed, faults
from support import ROOT

PAGES = [
    "regression_adjustment.md",
    "cluster_robust.md",
    "post_stratification.md",
    "miettinen_nurminen.md",
    "dunnett.md",
    "margins.md",
    "factorial.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_shown_output_is_real(page: str) -> None:
    text = (ROOT / "docs" / "methods" / page).read_text(encoding="utf-8")
    source = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    example = doctest.DocTestParser().get_doctest(source, {}, page, page, 0)
    assert example.examples
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0


def test_the_covariates_of_a_spec_are_valid() -> None:
    text = (ROOT / "docs" / "methods" / PAGES[0]).read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    base = changed(EVENTS, ("  events:", "  units: {path: customers.csv}\n  events:"))
    assert faults(base + block) == []
