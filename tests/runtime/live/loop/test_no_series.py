"""Streams before their first reading: saved, and restored as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.artifacts import save_artifact
from support.run_helpers import weather_spec
from support.strategies import random_weights

from rnnedge_runtime import load
from rnnedge_runtime.live.loop.nouns import Counters
from rnnedge_runtime.live.loop.streams import LiveStreams


@pytest.mark.parametrize("suffix", [".rnne", ".onnx"])
def test_no_series_are_saved_and_restored(suffix: str, tmp_path: Path) -> None:
    """States of no rows could not be reshaped, names of no series not be cut."""
    spec = weather_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    model = load(save_artifact(spec, weights, tmp_path, suffix))
    streams = LiveStreams(model, future_us=1, counters=Counters())
    again = LiveStreams(model, future_us=1, counters=Counters())
    again.restore(streams.snapshot())
    assert again.names == []
    assert again.snapshot() == streams.snapshot()
