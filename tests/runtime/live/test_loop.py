"""The live loop in memory: what goes in comes out, whatever stops it in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.live_helpers import ListSink, ListSource, drawn_readings, make_loop
from support.run_helpers import COLUMNS, make_artifact

from rnnedge_runtime import load
from rnnedge_runtime.streams.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(make_artifact(tmp_path_factory.mktemp("artifact")))


def test_every_reading_is_answered_and_acknowledged(
    model: Model, tmp_path: Path
) -> None:
    batches = drawn_readings(np.random.default_rng(0), COLUMNS, num_batches=30)
    source, sink, told = ListSource(batches), ListSink(), list[str]()
    loop = make_loop(model, source, [sink], tmp_path / "state", told=told)
    assert loop.run() == 0
    assert len(sink.sent(loop.names)) == sum(map(len, batches))
    assert source.acknowledged == list(range(1, 31))
    assert source.is_closed
    assert sink.is_closed
    assert told == []


def test_a_stopped_loop_goes_on_where_it_was(model: Model, tmp_path: Path) -> None:
    batches = drawn_readings(np.random.default_rng(1), COLUMNS, num_batches=40)
    whole = ListSink()
    loop = make_loop(model, ListSource(batches), [whole])
    loop.run()
    parts = ListSink()
    for part in (batches[:17], batches[17:]):
        again = make_loop(model, ListSource(part), [parts], tmp_path)
        again.run()
    assert parts.sent(again.names) == whole.sent(loop.names)
