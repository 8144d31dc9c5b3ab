"""A loop that is killed anywhere, as often as you like, gives what one gives that is not."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.killed_disk import Death, killed_after
from support.live_helpers import ListSink, ListSource, drawn_readings, make_loop
from support.run_helpers import COLUMNS, make_artifact

from rnnedge_runtime import load
from rnnedge_runtime.live.loop import recording
from rnnedge_runtime.streams.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(make_artifact(tmp_path_factory.mktemp("artifact")))


@settings(max_examples=60, deadline=None)
@given(
    deaths=st.lists(
        st.tuples(st.integers(1, 90), st.floats(0, 1)), min_size=1, max_size=6
    ),
    rotates=st.booleans(),
    confirms=st.booleans(),
    seed=st.integers(0, 99),
)
def test_replay_equals_uninterrupted(
    model: Model,
    deaths: list[tuple[int, float]],
    rotates: bool,
    confirms: bool,
    seed: int,
) -> None:
    batches = drawn_readings(np.random.default_rng(seed), COLUMNS, num_batches=12)
    whole = ListSink()
    loop = make_loop(model, ListSource(batches), [whole])
    loop.run()
    expected = {sent[:2]: sent for sent in whole.sent(loop.names)}
    found: set[tuple[str, int, bytes]] = set()
    first = 0
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        if rotates:
            patch.setattr(recording, "_REPLAY_S", 0.0)
            patch.setattr(recording, "_SNAPSHOT_SHARE", 0.0)
            patch.setattr(recording, "_RETRY_S", 0.0)
        for at, share in [*deaths, (0, 0.0)]:
            source, sink = ListSource(batches[first:]), ListSink(confirms=confirms)
            loop = None
            with killed_after(Death(at, share) if at else Death(10**9)):
                loop = make_loop(model, source, [sink], Path(name, "state"))
                loop.run()
            first += max(source.acknowledged, default=0)
            if loop is not None:
                found |= set(sink.sent(loop.streams.names))
    assert first == len(batches)
    assert found == set(expected.values())
