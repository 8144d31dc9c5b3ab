"""A second thread inside a stream or fleet: StateError, and nothing is changed."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model
from support.strategies import random_weights

from rnnedge_runtime.arrays import State
from rnnedge_runtime.backends import native_stream
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import RnnEdgeError, StateError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.spec.layers import Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams import exclusive
from rnnedge_runtime.streams.fleet import Streams
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.stream import Stream

Call = Callable[[], object]

SPEC = ModelSpec(
    features=(Feature("a"), Feature("b")),
    targets=(Target("a"),),
    layers=(Lstm(2, 5), Linear(5, 1)),
)
ROW = np.array([0.5, -1.0], np.float32)
LONG = np.tile(ROW, (200_000, 1))
NUM_STREAMS = 4
METHODS = (
    "step", "step out", "step list", "step checked", "run", "prime", "forecast",
    "snapshot", "restore", "reset", "state", "set_state",
)  # fmt: skip
FLEET_METHODS = (
    "step", "step out", "snapshot", "restore", "reset", "state", "set_state", "add", "remove",
)  # fmt: skip
ON_THE_WAY = tuple(name for name in METHODS if name != "set_state")
FLEET_ON_THE_WAY = tuple(name for name in FLEET_METHODS if name != "set_state")
"""Those that leave a state which equal readings alone could leave."""


def make_model(backend: str) -> Model:
    weights = random_weights(SPEC, np.random.default_rng(0))
    model = native_model(SPEC, weights)
    if backend == "native":
        return model
    return Model(model.metadata, Float32Engine(SPEC, weights))


@pytest.fixture(scope="module", autouse=True)
def eager_threads() -> Iterator[None]:
    """Threads change places as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module", params=["native", "numpy"])
def model(request: pytest.FixtureRequest) -> Model:
    return make_model(request.param)


def calls_of(stream: Stream, blob: bytes, out: np.ndarray) -> dict[str, Call]:
    """Every public call that reads or changes the state."""
    calls: list[Call] = [
        lambda: stream.step(ROW), lambda: stream.step(ROW, out=out),
        lambda: stream.step(ROW.tolist()), lambda: stream.step([np.float32(0.5), -1]),
        lambda: stream.run([ROW, ROW]), lambda: stream.prime([ROW]),
        lambda: stream.forecast(1), stream.snapshot,
        lambda: stream.restore(blob), stream.reset,
        stream.state, lambda: stream.set_state({"h_0": np.zeros(5)}),
    ]  # fmt: skip
    return dict(zip(METHODS, calls, strict=True))


def fleet_calls_of(fleet: Streams, blob: bytes, out: np.ndarray) -> dict[str, Call]:
    rows = np.tile(ROW, (NUM_STREAMS, 1))
    calls: list[Call] = [
        lambda: fleet.step(rows), lambda: fleet.step(rows, out=out),
        lambda: fleet.snapshot(0), lambda: fleet.restore(0, blob),
        lambda: fleet.reset(0), lambda: fleet.state(0),
        lambda: fleet.set_state(0, {"h_0": np.zeros(5)}),
        lambda: fleet.add(1), lambda: fleet.remove(0),
    ]  # fmt: skip
    return dict(zip(FLEET_METHODS, calls, strict=True))


def snapshots(fleet: Streams) -> list[bytes]:
    return [fleet.snapshot(int(i)) for i in fleet.ids]


class Inside:
    """A thread that is inside `call` until the error for another thread is made.

    What the scheduler may do by itself: the first thread ends between the second one's look
    at the stream and its error.
    """

    def __init__(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        self._thread = threading.Thread(target=call)
        original = exclusive.entered_twice

        def late(owner: str) -> StateError:
            self._thread.join()
            return original(owner)

        monkeypatch.setattr(exclusive, "entered_twice", late)
        self._thread.start()

    def is_ended(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()


@pytest.mark.parametrize("method", METHODS)
def test_busy_race_is_refused_and_not_carried_out(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong: the flag was read twice; SystemError, and the call was carried out."""
    stream = make_model("native").stream()
    expected = make_model("native").stream()
    expected.run(LONG)
    out = np.full(1, 7.0, np.float32)
    call = calls_of(stream, stream.snapshot(), out)[method]
    for _ in range(20):
        stream.reset()
        out[:] = 7.0  # a round that came too early has written it
        with monkeypatch.context() as patch:
            inside = Inside(lambda: stream.prime(LONG), patch)
            time.sleep(0.002)
            was_ended, error = inside.is_ended(), None
            try:
                call()
            except RnnEdgeError as raised:
                error = raised
            inside.join()
        if not was_ended and error is not None:
            break
    else:
        pytest.fail("the thread was never caught inside")
    assert isinstance(error, StateError)
    assert "entered while another thread is still inside it" in str(error)
    assert stream.num_steps == len(LONG)
    assert stream.snapshot() == expected.snapshot()
    assert out[0] == 7.0


def test_a_fleet_of_the_core_refuses_a_second_thread_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind Streams, whose lock stands before it: the core's own flag."""
    size = 100_000
    fleet = make_model("native").streams(size)._states._fleet
    x, y = np.tile(ROW, (size, 1)), np.empty((size, 1), np.float32)
    values = np.zeros(12, np.float32)
    other = make_model("native").streams(1)._states._fleet
    calls: dict[str, Call] = {
        "step": lambda: fleet.step(x[:1], y[:1].copy()),
        "reset": lambda: fleet.reset(0),
        "get_values": lambda: fleet.get_values(0, values),
        "set_values": lambda: fleet.set_values(0, values, 9),
    }
    with pytest.raises(ValueError, match="another, smaller fleet"):
        fleet.take(fleet)
    with pytest.raises(ValueError, match="another, smaller fleet"):
        fleet.take(other)
    caught = 0
    for call in [*calls.values()] * 20:
        with monkeypatch.context() as patch:
            inside = Inside(lambda: fleet.step(x, y), patch)
            time.sleep(0.002)
            if not inside.is_ended():
                try:
                    call()
                except StateError:
                    caught += 1
            inside.join()
        if caught == len(calls):
            break
    assert caught == len(calls)


@pytest.mark.parametrize("method", METHODS)
def test_an_entered_stream_refuses_and_keeps_its_state(method: str) -> None:
    stream = make_model("numpy").stream()
    blob = stream.snapshot()
    stream.run(LONG[:5])
    before = stream.snapshot()
    out = np.full(1, 7.0, np.float32)
    call = calls_of(stream, blob, out)[method]
    with stream._use, pytest.raises(StateError, match=r"^Stream: entered while"):
        call()
    assert (stream.snapshot(), stream.num_steps, out[0]) == (before, 5, 7.0)
    call()


@pytest.mark.parametrize("method", FLEET_METHODS)
def test_an_entered_fleet_refuses_and_keeps_its_states(
    method: str, model: Model
) -> None:
    fleet = model.streams(NUM_STREAMS)
    blob = fleet.snapshot(0)
    fleet.step(LONG[:NUM_STREAMS])
    before = snapshots(fleet)
    out = np.full((NUM_STREAMS, 1), 7.0, np.float32)
    call = fleet_calls_of(fleet, blob, out)[method]
    with fleet._use, pytest.raises(StateError, match=r"^Streams: entered while"):
        call()
    assert snapshots(fleet) == before
    assert fleet.ids.tolist() == list(range(NUM_STREAMS))
    assert (out == 7.0).all()
    call()


def accepted(calls: Iterator[tuple[str, Call]], done: list[tuple[str, Any]]) -> None:
    """Make the calls; keep what was accepted, and any other error than StateError."""
    for name, call in calls:
        try:
            done.append((name, call()))
        except StateError:
            continue
        except BaseException as error:
            done.append(("error", repr(error)))


def in_threads(plans: list[list[tuple[str, Call]]]) -> list[tuple[str, Any]]:
    start = threading.Barrier(len(plans))
    done: list[list[tuple[str, Any]]] = [[] for _ in plans]

    def work(k: int) -> None:
        start.wait()
        accepted(iter(plans[k]), done[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [item for items in done for item in items]


@settings(max_examples=15, deadline=None)
@given(
    backend=st.sampled_from(["native", "numpy"]),
    names=st.lists(
        st.lists(
            st.sampled_from(["step", "step out", "run", "prime", "long"]), max_size=8
        ),
        min_size=2,
        max_size=3,
    ),
)
def test_what_threads_are_allowed_is_one_order_of_whole_calls(
    backend: str, names: list[list[str]]
) -> None:
    """Every reading is the same, so the number of steps says what the state must be."""
    model = make_model(backend)
    stream = model.stream()
    steps = {"step": 1, "step out": 1, "run": 2, "prime": 1, "long": 90}
    plans = []
    for part in names:
        calls = calls_of(stream, b"", np.empty(1, np.float32))
        calls["long"] = lambda: stream.run(LONG[:90])
        plans.append([(name, calls[name]) for name in part])
    done = in_threads(plans)
    assert not [item for item in done if item[0] == "error"]
    expected = model.stream()
    outputs = set(expected.run(LONG[: sum(steps[name] for name, _ in done)]).ravel())
    assert stream.num_steps == expected.num_steps
    assert stream.snapshot() == expected.snapshot()
    found = [y for name, y in done if name in ("step", "run", "long")]
    assert {float(v) for y in found for v in np.ravel(y)} <= {float(v) for v in outputs}


@settings(max_examples=15, deadline=None)
@given(
    backend=st.sampled_from(["native", "numpy"]),
    names=st.lists(
        st.lists(st.sampled_from(ON_THE_WAY), max_size=12), min_size=2, max_size=3
    ),
)
def test_threads_that_set_the_state_too_leave_one_that_a_sequence_leaves(
    backend: str, names: list[list[str]]
) -> None:
    model = make_model(backend)
    stream, blob = model.stream(), model.stream()
    blob.run(LONG[:3])
    plans = []
    for part in names:
        calls = calls_of(stream, blob.snapshot(), np.empty(1, np.float32))
        plans.append([(name, calls[name]) for name in part])
    done = in_threads(plans)
    assert not [item for item in done if item[0] == "error"]
    expected = model.stream()
    trace = [expected.snapshot()]
    for _ in range(stream.num_steps):
        expected.step(ROW)
        trace.append(expected.snapshot())
    assert stream.snapshot() == trace[-1]
    for name, found in done:
        if name == "snapshot":
            assert_on_the_way(model, found)


def assert_on_the_way(model: Model, blob: bytes) -> None:
    restored, expected = model.stream(), model.stream()
    restored.restore(blob)
    expected.prime(LONG[: restored.num_steps])
    assert blob == expected.snapshot()


def test_a_state_that_is_set_in_part_loses_no_step_of_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Wrong: the rest was read, another thread stepped, and the old rest was set back."""
    model = make_model("native")
    stream, expected = model.stream(), model.stream()
    given, original = {"h_0": np.zeros(5)}, native_stream.join_state

    def late(state: State) -> np.ndarray:
        other = threading.Thread(target=stream.step, args=(ROW,))
        other.start()
        other.join()
        return original(state)

    monkeypatch.setattr(native_stream, "join_state", late)
    stream.set_state(given)
    monkeypatch.undo()
    expected.step(ROW)
    expected.set_state(given)
    assert stream.snapshot() == expected.snapshot()


@settings(max_examples=15, deadline=None)
@given(
    backend=st.sampled_from(["native", "numpy"]),
    names=st.lists(
        st.lists(st.sampled_from(FLEET_ON_THE_WAY), max_size=8), min_size=2, max_size=3
    ),
)
def test_threads_in_a_fleet_leave_whole_streams(
    backend: str, names: list[list[str]]
) -> None:
    model = make_model(backend)
    fleet = model.streams(NUM_STREAMS)
    blob = fleet.snapshot(0)
    plans = []
    for part in names:
        calls = fleet_calls_of(fleet, blob, np.empty((NUM_STREAMS, 1), np.float32))
        calls["step"] = calls["step out"] = lambda: fleet.step([ROW], index=[1])
        plans.append([(name, calls[name]) for name in part])
    done = in_threads(plans)
    assert "error" not in dict(done)
    for each in snapshots(fleet):
        assert_on_the_way(model, each)
    ids = [int(i) for name, found in done if name == "add" for i in found]
    removed = sum(name == "remove" for name, _ in done)
    assert len(set(ids)) == len(ids)
    assert len(fleet) == NUM_STREAMS + len(ids) - removed


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copies_are_refused_with_what_to_do(copying: Any, model: Model) -> None:
    """Wrong: TypeErrors of the parts, or, on NumPy, two objects with one state."""
    stream = model.stream()
    stream.step(ROW)
    before = stream.snapshot()
    owners = {
        "Stream": stream, "Streams": model.streams(2), "RowStream": RowStream(model),
        "SeriesStreams": SeriesStreams(model),
    }  # fmt: skip
    for name, owner in owners.items():
        with pytest.raises(
            StateError, match=f"^{name}: cannot be copied or pickled"
        ) as e:
            copying(owner)
        assert "snapshot(" in str(e.value)
        assert "restore(" in str(e.value)
    assert stream.snapshot() == before
    if copying is pickle.dumps:
        with pytest.raises(StateError, match=r"rnnedge_runtime\.load\(path\)"):
            copying(model)
    else:
        assert copying(model) is model
