"""bayes_models.md: the block of the spec that it shows is one that specs may have."""

from __future__ import annotations

import re

import yaml

from abtest.methods.bayes import Bayes
from support import ROOT

PAGE = ROOT / "docs" / "methods" / "bayes_models.md"


def test_the_block_of_the_page_is_read() -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 1
    found = Bayes.model_validate(yaml.safe_load(blocks[0])["analysis"]["bayes"])
    assert found.bayes_factor
    assert found.models == {
        "revenue": "hurdle_lognormal",
        "satisfaction": "normal_inverse_gamma",
    }
