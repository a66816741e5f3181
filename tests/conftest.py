"""Fixtures that every test can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import ROOT, SHARED


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
