"""The C engine in several threads, and what it leaves behind."""

from __future__ import annotations

import resource
import threading

import numpy as np
import pytest
from support.artifacts import native_model
from support.strategies import random_weights

from rnnedge_runtime.backends import native, native_state
from rnnedge_runtime.errors import StateError
from rnnedge_runtime.spec.layers import Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

ROW = [1.0, 2.5, -3.0, 0.25]
PLAIN = ModelSpec(
    features=tuple(Feature(name) for name in "abcd"),
    targets=(Target("a"),),
    layers=(Lstm(4, 32), Linear(32, 1)),
)


def model_of(spec: ModelSpec) -> Model:
    return native_model(spec, random_weights(spec, np.random.default_rng(0)))


def test_two_threads_step_two_streams_of_one_model(rng: np.random.Generator) -> None:
    model = model_of(PLAIN)
    x = rng.normal(size=(2, 3000, 4)).astype(np.float32)
    expected = [model.stream().run(rows).tobytes() for rows in x]
    found: dict[int, list[bytes]] = {0: [], 1: []}
    start = threading.Barrier(2)

    def work(k: int) -> None:
        stream = model.stream()
        start.wait()
        found[k].append(np.array([stream.step(row) for row in x[k]]).tobytes())
        stream.reset()
        found[k].append(stream.run(x[k]).tobytes())

    threads = [threading.Thread(target=work, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [expected[k]] * 2 for k in (0, 1)}


def test_a_thread_that_enters_a_running_stream_is_told_to_stay_out() -> None:
    """`run` lets other threads work, so one of them can be caught inside."""
    stream = model_of(PLAIN).stream()
    blob = stream.snapshot()
    x = np.zeros((1_000_000, 4), np.float32)
    calls = [
        lambda: stream.step(ROW), lambda: stream.run([ROW]), lambda: stream.forecast(1),
        stream.reset, stream.snapshot, lambda: stream.restore(blob),
        lambda: stream.prime([ROW]),
    ]  # fmt: skip
    thread = threading.Thread(target=stream.run, args=(x,))
    thread.start()
    caught = 0
    while thread.is_alive() and caught < len(calls):
        try:
            stream.snapshot()
        except StateError:
            with pytest.raises(StateError, match="another thread is still inside it"):
                calls[caught]()
            caught += 1
    thread.join()
    assert caught == len(calls)
    assert stream.num_steps == len(x)


def test_a_thread_that_enters_a_stepping_fleet_is_told_to_stay_out() -> None:
    fleet = model_of(PLAIN).streams(200_000)
    x = np.zeros((200_000, 4), np.float32)
    thread = threading.Thread(target=fleet.step, args=(x,))
    thread.start()
    caught = 0
    while thread.is_alive() and not caught:
        try:
            fleet.snapshot(0)
        except StateError as error:
            caught, message = 1, str(error)
    thread.join()
    assert caught
    assert message.startswith("Streams: entered while another thread")
    fleet.step(x)


def test_free_threaded_python_does_not_import_the_engine(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """3.13t and 3.14t would find the abi3 file, whose objects are laid out otherwise there."""
    monkeypatch.setattr(native_state, "IS_FREE_THREADED", True)
    native.has_native.cache_clear()
    try:
        assert not native.has_native()
        with pytest.raises(
            ImportError, match="free-threaded Python has no limited API"
        ):
            model_of(PLAIN)
    finally:
        native.has_native.cache_clear()
    assert "run on NumPy: the same bytes" in caplog.text


def test_models_streams_and_fleets_are_freed() -> None:
    """A model is 25 kB, its fleet of 1,000 over 300 kB: 300 of them would be seen."""

    def use() -> None:
        model = model_of(PLAIN)
        model.stream().run(np.zeros((100, 4)))
        fleet = model.streams(1000)
        fleet.add(1)
        fleet.step(np.zeros((1001, 4)))

    for _ in range(50):
        use()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        use()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 10_000
