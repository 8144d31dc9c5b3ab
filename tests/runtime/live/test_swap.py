"""Another model takes over between two readings, or the present one stays."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.live_helpers import (
    ListSink,
    ListSource,
    RowsAsStreams,
    drawn_readings,
    make_loop,
)
from support.run_helpers import COLUMNS, make_artifact, weather_spec

from rnnedge_runtime import load
from rnnedge_runtime.errors import StateError
from rnnedge_runtime.live.loop import swap
from rnnedge_runtime.live.loop.history import History
from rnnedge_runtime.live.loop.loop import Loop
from rnnedge_runtime.live.loop.nouns import Counters
from rnnedge_runtime.live.loop.settings import LoopSettings
from rnnedge_runtime.live.loop.swap import Swapper, check_golden_steps
from rnnedge_runtime.spec.model_spec import ModelSpec

BATCHES = drawn_readings(np.random.default_rng(5), COLUMNS, num_batches=40)
SETTINGS = LoopSettings(expires=False, drain_s=0.05)


def artifact_of(folder: Path, *, seed: int, spec: ModelSpec | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    return make_artifact(folder, spec, seed)


def watched_loop(
    path: Path, sink: ListSink, told: list[str], state: Path | None = None
) -> Loop:
    counters = Counters()
    swapper = Swapper(
        path,
        load=load,
        make_streams=RowsAsStreams,
        is_watching=True,
        counters=counters,
        tell=told.append,
    )
    loop = make_loop(
        load(path),
        ListSource(BATCHES),
        [sink],
        state,
        settings=SETTINGS,
        told=told,
        counters=counters,
        swapper=swapper,
    )
    loop.start()
    return loop


def ask_and_wait(loop: Loop) -> None:
    """Ask for the artifact again; take two batches on the way, and the switch."""
    assert loop.swapper is not None
    loop.swapper.ask()
    loop.turn()
    thread = loop.swapper._thread
    assert thread is not None
    thread.join()
    loop.turn()


def turn(loop: Loop, number: int) -> None:
    for _ in range(number):
        loop.turn()


@pytest.mark.parametrize("keeps_state", [False, True])
def test_the_new_model_goes_on_from_recent_history(
    tmp_path: Path, keeps_state: bool
) -> None:
    """Its forecasts are those that it would have given had it run all along."""
    path = artifact_of(tmp_path / "a", seed=0)
    new = artifact_of(tmp_path / "b", seed=1)
    alone = ListSink()
    loop = make_loop(load(new), ListSource(BATCHES), [alone])
    loop.run()
    expected = alone.sent(loop.names)
    sink, told = ListSink(), list[str]()
    state = tmp_path / "state" if keeps_state else None
    loop = watched_loop(path, sink, told, state)
    turn(loop, 20)
    shutil.copy(new, path)
    ask_and_wait(loop)
    assert loop.model.digest == load(new).digest
    number = len(sink.sent(loop.names))
    turn(loop, 5)
    loop.close(saves=False)
    assert loop.counters.counts["model", "switched"] == 1
    assert "has taken over" in told[-1]
    assert [outcome.sequence for outcome in sink.outcomes] == list(range(1, 28))
    if keeps_state:  # killed after the switch: the new artifact finds its own state
        again = make_loop(
            load(path), ListSource(BATCHES[27:]), [sink], state, told=told
        )
        again.run()
        assert [outcome.sequence for outcome in sink.outcomes] == list(range(1, 41))
    found = sink.sent(loop.names)
    assert found[number:] == expected[number : len(found)]
    assert found[number - 1] != expected[number - 1]


@pytest.mark.parametrize("kind", ["cut", "gone", "text", "other features", "same"])
def test_a_bad_artifact_leaves_the_present_model(tmp_path: Path, kind: str) -> None:
    path = artifact_of(tmp_path / "a", seed=0)
    sink, told = ListSink(), list[str]()
    loop = watched_loop(path, sink, told)
    turn(loop, 20)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif kind == "gone":
        path.unlink()
    elif kind == "text":
        path.write_text("no model")
    elif kind == "other features":
        spec = weather_spec()
        named = replace(spec.features[1], name="dew")
        features = (spec.features[0], named, *spec.features[2:])
        other = artifact_of(
            tmp_path / "b", seed=1, spec=replace(spec, features=features)
        )
        shutil.copy(other, path)
    ask_and_wait(loop)
    turn(loop, 18)
    loop.close()
    assert len(told) == 1
    assert told[0].endswith("The present model stays.")
    assert loop.counters.counts["model", "refused"] == 1
    alone = ListSink()
    original = load(artifact_of(tmp_path / "again", seed=0))
    again = make_loop(original, ListSource(BATCHES), [alone])
    again.run()
    assert sink.sent(loop.names) == alone.sent(again.names)


def test_a_changed_file_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has stayed the same from one look to the next."""
    monkeypatch.setattr(swap, "_LOOK_S", 0.0)
    path = artifact_of(tmp_path / "a", seed=0)
    loop = watched_loop(path, ListSink(), [])
    turn(loop, 2)
    assert loop.swapper is not None
    assert loop.swapper._thread is None
    shutil.copy(artifact_of(tmp_path / "b", seed=1), path)
    turn(loop, 1)
    assert loop.swapper._thread is None
    turn(loop, 1)
    assert loop.swapper._thread is not None
    before = loop.model
    deadline = time.monotonic() + 30
    while loop.model is before and time.monotonic() < deadline:
        time.sleep(0.01)
        loop._swap(loop.swapper)
    assert loop.model is not before


def test_wrong_recorded_steps_are_found(tmp_path: Path) -> None:
    model = load(artifact_of(tmp_path / "a", seed=0))
    check_golden_steps(model)
    golden = replace(model.golden, y=model.golden.y + np.float32(0.1))
    wrong = replace(model, metadata=replace(model.metadata, golden=golden))
    with pytest.raises(StateError, match="off the recorded outputs"):
        check_golden_steps(wrong)


def test_history_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    history = History(10_000)
    source = ListSource(BATCHES)
    loop = make_loop(load(artifact_of(tmp_path / "a", seed=0)), source, [ListSink()])
    batches = []
    real = loop.streams.apply
    loop.streams.apply = lambda batch: (  # type: ignore[method-assign]
        batches.append(batch),
        history.add(batch),
        real(batch),
    )[2]
    loop.run()
    kept = len(history)
    assert 0 < kept < len(BATCHES)
    assert history.since(0) == batches[-kept:]
    assert history.since(len(BATCHES) - 2) == batches[-2:]
    assert history.since(history.end) == []
