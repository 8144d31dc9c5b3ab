"""Exports in these tests prove themselves on fewer steps, unless a test says otherwise."""

from __future__ import annotations

import pytest

from rnnedge_export.compare import verification_stream

FEW_STEPS = 300


@pytest.fixture
def full_length() -> None:
    """Asked for by a test that streams as many steps as a user's export."""


@pytest.fixture(autouse=True)
def few_steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "full_length" not in request.fixturenames:
        monkeypatch.setattr(verification_stream, "VERIFY_STEPS", FEW_STEPS)
