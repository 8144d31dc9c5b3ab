"""The page on the live loop does what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.artifacts import save_artifact
from support.live.places import room_spec
from support.page_blocks import run_page
from support.strategies import random_weights

PAGE = Path(__file__).parents[4] / "docs/live.md"


def test_the_loop_runs_as_a_library(tmp_path: Path) -> None:
    spec = room_spec()
    (tmp_path / "dist").mkdir()
    weights = random_weights(spec, np.random.default_rng(0))
    artifact = save_artifact(spec, weights, tmp_path / "dist", ".rnne")
    artifact.rename(artifact.with_name("jfk.rnne"))
    printed = run_page(PAGE, tmp_path)
    assert f"(2, {spec.output_size})" in printed[-1]
    assert any((tmp_path / "state").glob("state-*.rnns"))
