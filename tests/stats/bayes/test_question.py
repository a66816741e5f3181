from __future__ import annotations

import pytest

from abtest.stats.bayes.question import Question


def test_bad_questions() -> None:
    with pytest.raises(ValueError, match=r"ci_level is 95; it must lie strictly between 0 and 1"):
        Question(ci_level=95)
    with pytest.raises(ValueError, match=r"rope is 1\.0; it must lie strictly between 0 and 1"):
        Question(rope=1.0)
    with pytest.raises(ValueError, match=r"rope is 0\.0; it must lie strictly between 0 and 1"):
        Question(rope=0.0)


def test_tail() -> None:
    assert Question(ci_level=0.9).tail == pytest.approx(0.05)
