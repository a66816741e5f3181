"""Fixtures that every test can use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from support import ROOT, SHARED

# The same examples on every run, so that a red build is always about the change. To look for new
# ones: HYPOTHESIS_PROFILE=explore make test
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of third-party data beside the repository; skips where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("third-party data is not beside this repository (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def golden_data() -> Path:
    """The small CSV inputs of the golden cases; skips where they are absent."""
    folder = SHARED / "golden" / "data"
    if not folder.is_dir():
        pytest.skip("reference cases are not beside this repository (../shared/golden)")
    return folder
