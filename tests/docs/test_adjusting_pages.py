"""The examples on the pages about adjustment and clusters are true."""

from __future__ import annotations

import doctest
import re

import pytest

from support import ROOT

PAGES = ["regression_adjustment.md", "cluster_robust.md", "post_stratification.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_shown_output_is_real(page: str) -> None:
    text = (ROOT / "docs" / "methods" / page).read_text(encoding="utf-8")
    source = "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))
    example = doctest.DocTestParser().get_doctest(source, {}, page, page, 0)
    assert example.examples
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0
