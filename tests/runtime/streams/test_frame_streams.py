"""Models that give an output every few rows: rows in any pieces are frames of the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model, reference_model
from support.graph_strategies import drawn_graph
from support.strategies import random_weights, seeds

from rnnedge_runtime.errors import (
    FormatError,
    NonFiniteError,
    ShapeError,
    SpecError,
)
from rnnedge_runtime.formats.frame_snapshot import pack_frame, unpack_frame
from rnnedge_runtime.live.loop.nouns import Counters
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.spec.derived import DerivedInput, frame_features
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json
from rnnedge_runtime.streams.frame_fleet import FrameStreams
from rnnedge_runtime.streams.frame_stream import FrameStream
from rnnedge_runtime.streams.model import Model

ROW = (Feature("a", "V"), Feature("b", clip=(-2.0, 2.0), range=(-9.0, 9.0)))


def frame_spec(num_rows: int = 3, row: tuple[Feature, ...] = ROW) -> ModelSpec:
    return ModelSpec(
        features=frame_features(row, num_rows),
        targets=(Target("y"), Target("z")),
        layers=(Gru(len(row) * num_rows, 5), Linear(5, 2)),
        sample_period_s=0.01,
        rows_per_step=num_rows,
    )


def model_of(spec: ModelSpec, make: Callable = native_model, seed: int = 0) -> Model:
    model: Model = make(spec, random_weights(spec, np.random.default_rng(seed)))
    return model


def frames_of(model: Model, rows: np.ndarray) -> np.ndarray:
    """The outputs of the same network, given whole frames."""
    num_rows = model.spec.rows_per_step
    plain = replace(model.metadata.spec, rows_per_step=1)
    whole = Model(replace(model.metadata, spec=plain), model.engine).stream()
    num = len(rows) // num_rows
    return whole.run(rows[: num * num_rows].reshape(num, plain.num_features))


@pytest.mark.parametrize("make", [native_model, reference_model])
@settings(max_examples=40)
@given(num_rows=st.integers(2, 5), cuts=st.lists(st.integers(0, 7)), seed=seeds)
def test_rows_in_any_pieces_are_whole_frames(
    make: Callable, num_rows: int, cuts: list[int], seed: int
) -> None:
    model = model_of(frame_spec(num_rows), make, seed)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(sum(cuts), 2)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    stream, at, found = model.stream(), 0, []
    for k, size in enumerate(cuts):
        piece = rows[at : at + size]
        if k % 3 == 0:
            found += list(stream.run(piece))
        else:
            answers = [stream.step(row) for row in piece]
            is_full = [(at + i + 1) % num_rows == 0 for i in range(size)]
            assert [y is not None for y in answers] == is_full
            found += [y for y in answers if y is not None]
        at += size
        blob = stream.snapshot()
        stream = model.stream()
        stream.restore(blob)
        assert stream.snapshot() == blob
    expected = frames_of(model, rows)
    assert stream.num_steps == len(expected) == at // num_rows
    assert isinstance(stream, FrameStream)
    assert stream.num_waiting == at % num_rows
    np.testing.assert_array_equal(np.reshape(found, expected.shape), expected)


@pytest.mark.parametrize("make", [native_model, reference_model])
@settings(max_examples=25)
@given(
    actions=st.lists(
        st.sampled_from(("all", "part", "part", "reset", "move", "add", "remove")),
        max_size=20,
    ),
    seed=seeds,
)
def test_a_fleet_does_what_its_streams_do_alone(
    make: Callable, actions: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = model_of(frame_spec(), make, seed)
    fleet = model.streams(3)
    alone = {k: model.stream() for k in range(3)}
    for action in actions:
        ids = list(alone)
        one = int(rng.choice(ids)) if ids else -1
        if action in ("all", "part"):
            chosen = ids if action == "all" else list(rng.permutation(ids)[:2])
            x = rng.normal(size=(len(chosen), 2)).astype(np.float32)
            y = fleet.step(x, index=np.array(chosen, dtype=np.int64))
            for i, row, found in zip(chosen, x, y, strict=True):
                expected = alone[int(i)].step(row)
                if expected is None:
                    assert np.isnan(found).all()
                elif make is native_model:
                    np.testing.assert_array_equal(found, expected)
                else:
                    np.testing.assert_allclose(found, expected)
        elif action == "add":
            alone |= {int(i): model.stream() for i in fleet.add(1)}
        elif one < 0:
            continue
        elif action == "reset":
            fleet.reset(one)
            alone[one].reset()
        elif action == "move":
            fleet.restore(one, alone[ids[0]].snapshot())
            alone[one].restore(fleet.snapshot(ids[0]))
        elif action == "remove":
            fleet.remove(one)
            del alone[one]
    assert isinstance(fleet, FrameStreams)
    for i, stream in alone.items():
        if make is native_model:
            assert fleet.snapshot(i) == stream.snapshot()


@settings(max_examples=20)
@given(seed=seeds)
def test_any_graph_may_take_frames(seed: int) -> None:
    spec, weights = drawn_graph(seed)
    features = frame_features((Feature("x"),), spec.num_features)
    framed = replace(spec, features=features, rows_per_step=spec.num_features)
    model = native_model(framed, weights)
    rows = np.random.default_rng(seed).normal(size=(25, 1)).astype(np.float32)
    np.testing.assert_array_equal(model.stream().run(rows), frames_of(model, rows))


def test_the_rows_of_a_frame_may_come_at_once() -> None:
    model = model_of(frame_spec())
    rows = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
    stream, other = model.stream(), model.stream()
    assert stream.step(rows[0]) is None
    expected = other.run(np.concatenate([rows[:1], rows[:8]]))
    y = stream.step(rows[:3].ravel())
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(stream.run(rows[3:6].reshape(1, 6)), expected[1:2])


def test_what_raises_changes_nothing() -> None:
    row = (Feature("a", missing="reject"), Feature("b"))
    model = model_of(frame_spec(3, row))
    stream, fleet = model.stream(), model.streams(2)
    stream.step([1, 2])
    fleet.step([[1, 2], [3, 4]])
    before = stream.snapshot(), fleet.snapshot(0), fleet.snapshot(1)
    bad = [np.nan, 1]
    for call in (
        lambda: stream.step(bad),
        lambda: stream.run([[1, 2], bad, [1, 2]]),
        lambda: fleet.step([[1, 2], bad]),
    ):
        with pytest.raises(NonFiniteError, match="feature 'a' is nan"):
            call()
    for call in (
        lambda: stream.step([1, 2, 3]),
        lambda: stream.step([1, 2], out=np.empty(3)),
        lambda: stream.step([[1, 2], [3]]),
        lambda: fleet.step([[1, 2]]),
        lambda: stream.run([1.0, 2.0]),
    ):
        with pytest.raises(ShapeError):
            call()
    assert before == (stream.snapshot(), fleet.snapshot(0), fleet.snapshot(1))


def test_a_snapshot_between_two_frames_is_that_of_the_network() -> None:
    model = model_of(frame_spec())
    stream = model.stream()
    stream.run(np.ones((6, 2)))
    num_steps, _ = model.metadata.unpack(stream.snapshot())
    assert num_steps == 2
    assert stream.snapshot()[:4] == b"RNNS"
    stream.step([1, 2])
    assert stream.snapshot()[:4] == b"RNNF"
    assert model.metadata.unpack(stream.snapshot())[0] == 2
    stream.reset()
    assert stream.snapshot() == model.stream().snapshot()


def test_a_changed_snapshot_is_refused() -> None:
    model = model_of(frame_spec())
    stream = model.stream()
    stream.run(np.ones((5, 2)))
    blob = stream.snapshot()
    snapshot, rows = unpack_frame(blob, model.spec)
    changed = bytearray(blob)
    changed[14] ^= 1
    too_many = pack_frame(snapshot, np.ones((3, 2), np.float32))
    for bad in (bytes(changed), blob[:9], blob[:-1], too_many):
        with pytest.raises(FormatError):
            stream.restore(bad)
    with pytest.raises(FormatError):  # of a model that takes single rows
        model_of(replace(frame_spec(), rows_per_step=1)).stream().restore(blob)
    assert stream.snapshot() == blob
    np.testing.assert_array_equal(rows, np.ones((2, 2)))


def test_the_forecast_is_that_of_the_last_frame() -> None:
    stream = model_of(frame_spec()).stream()
    y = stream.run(np.ones((4, 2)))
    np.testing.assert_array_equal(stream.forecast(1), y)
    with pytest.raises(SpecError, match="a step of this model takes 3 rows"):
        stream.forecast(2)


def test_the_spec_keeps_its_rows() -> None:
    spec = frame_spec()
    assert spec_from_json(spec_to_json(spec), where="test") == spec
    assert "rows_per_step" not in spec_to_json(replace(spec, rows_per_step=1))
    assert spec.by_row.features == ROW
    assert spec.by_row.feature_names == ("a", "b")
    assert spec.feature_names[2:4] == ("a[1]", "b[1]")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows_per_step": 4}, "not those of 4 equal rows"),
        ({"rows_per_step": 2}, "not those of 2 equal rows"),
        ({"rows_per_step": 0}, "expected 1 to 65,536"),
        ({"derived": (DerivedInput(60),)}, "derived from the time"),
    ],
)
def test_frames_that_are_none_are_refused(changed: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(frame_spec(), **changed)


def test_live_streams_say_that_they_take_no_frames() -> None:
    with pytest.raises(SpecError, match="takes 3 rows a step"):
        LiveStreams(model_of(frame_spec()), future_us=0, counters=Counters())
