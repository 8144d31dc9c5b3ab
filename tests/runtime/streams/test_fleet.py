"""Streams: every one as if it were alone, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    BACKENDS,
    START,
    load_backend,
    native_model,
    reference_model,
)
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.errors import NonFiniteError, ShapeError, SpecError, StateError
from rnnedge_runtime.formats.snapshot import unpack_snapshot
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.array_fleet import ArrayFleet
from rnnedge_runtime.streams.stream import Stream

SPEC = ModelSpec(
    features=(Feature("a"), Feature("b", missing="reject")),
    targets=(Target("a"),),
    layers=(Gru(4, 5), Linear(5, 1)),
    derived=(DerivedInput(86_400),),
)
MODEL = reference_model(SPEC, random_weights(SPEC, np.random.default_rng(0)))


@pytest.mark.parametrize("make_model", [reference_model, native_model])
@settings(max_examples=60)
@given(spec=model_specs(), seed=seeds, data=st.data())
def test_a_fleet_does_what_its_streams_do_alone(
    make_model: Callable, spec: ModelSpec, seed: int, data: st.DataObject
) -> None:
    """A random history of steps, resets, restores, additions and removals."""
    rng = np.random.default_rng(seed)
    model = make_model(spec, random_weights(spec, rng))
    fleet = model.streams(3)
    alone = {k: model.stream() for k in range(3)}
    actions = st.sampled_from(
        ("step", "step", "part", "reset", "move", "add", "remove")
    )
    for t, action in enumerate(data.draw(st.lists(actions, max_size=12))):
        ids = list(alone)
        chosen = int(rng.choice(ids)) if ids else -1
        if action in ("step", "part"):
            index = rng.permutation(ids)[: rng.integers(0, len(ids) + 1)]
            index = np.array(ids if action == "step" else index, dtype=np.int64)
            x = random_readings(spec, rng, len(index))
            time = START + 60 * t if spec.derived else None
            expected = [
                alone[i].step(row, time) for i, row in zip(index, x, strict=True)
            ]
            found = fleet.step(x, time, index=None if action == "step" else index)
            shape = (len(index), spec.output_size)
            np.testing.assert_array_equal(found, np.reshape(expected, shape))
        elif action == "add":
            for i in fleet.add(2):
                alone[int(i)] = model.stream()
        elif not ids:
            continue
        elif action == "reset":
            fleet.reset(chosen)
            alone[chosen].reset()
        elif action == "move":
            source = int(rng.choice(ids))
            fleet.restore(chosen, alone[source].snapshot())
            alone[chosen].restore(fleet.snapshot(source))
        else:
            fleet.remove(chosen)
            del alone[chosen]
        assert len(fleet) == len(alone)
        assert fleet.ids.tolist() == sorted(alone)
        for i, stream in alone.items():
            assert fleet.snapshot(i) == stream.snapshot()


def state_of(stream: Stream) -> list[np.ndarray]:
    model = stream.model
    numerics = model.metadata.numerics
    blob, entries = stream.snapshot(), model.spec.state
    return unpack_snapshot(blob, entries, digest=model.digest, numerics=numerics)[1]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("other", BACKENDS)
def test_a_snapshot_moves_between_backends_streams_and_fleets(
    backend: str, other: str, tmp_path, rng: np.random.Generator
) -> None:
    weights = random_weights(SPEC, rng)
    source = load_backend(SPEC, weights, backend, tmp_path)
    target = load_backend(SPEC, weights, other, tmp_path)
    stream = source.stream()
    stream.run(rng.normal(size=(9, 2)), np.arange(9))
    blob = stream.snapshot()
    restored, fleet = target.stream(), target.streams(2)
    restored.restore(blob)
    fleet.restore(1, blob)
    for found, expected in zip(state_of(restored), state_of(stream), strict=True):
        np.testing.assert_array_equal(
            found.astype(np.float32), expected.astype(np.float32)
        )
    assert fleet.snapshot(1) == restored.snapshot()
    assert restored.num_steps == 9


def test_time_is_one_for_all_or_one_each() -> None:
    x = np.ones((3, 2))
    times = [0, 20_000, 40_000]
    together = MODEL.streams(3).step(x, times)
    each = [MODEL.stream().step(row, t) for row, t in zip(x, times, strict=True)]
    np.testing.assert_array_equal(together, each)
    np.testing.assert_array_equal(
        MODEL.streams(3).step(x, 20_000), np.repeat(together[1:2], 3, axis=0)
    )
    with pytest.raises(SpecError, match=r"Streams\.step: no time"):
        MODEL.streams(3).step(x)
    with pytest.raises(ShapeError, match=r"time has shape \[2\], expected \[3\]"):
        MODEL.streams(3).step(x, [0, 1])


def test_out_is_written_and_returned() -> None:
    out = np.empty((2, 1))
    assert MODEL.streams(2).step(np.ones((2, 2)), 0, out=out) is out
    np.testing.assert_array_equal(out, MODEL.streams(2).step(np.ones((2, 2)), 0))


@pytest.mark.parametrize(
    ("x", "keywords", "error", "message"),
    [
        (np.ones((2, 2)), {}, ShapeError, "X has 2 rows, but 3 streams"),
        (np.ones((3, 1)), {}, ShapeError, r"1 values per reading.*expects 2 \(a, b\)"),
        (np.ones(2), {}, ShapeError, "x has shape"),
        (np.ones((1, 2)), {"index": [7]}, StateError, "no stream has the id 7"),
        (np.ones((1, 2)), {"index": [2**63]}, StateError, f"has the id {2**63};"),
        (np.ones((1, 2)), {"index": [-1]}, StateError, "no stream has the id -1"),
        (np.ones((2, 2)), {"index": [1, 1]}, StateError, "stream 1 appears 2 times"),
        (np.ones((1, 2)), {"index": 1}, ShapeError, "index has shape"),
        (np.ones((1, 2)), {"index": [0.0]}, ShapeError, "index has shape"),
        (np.ones((3, 2)), {"out": np.empty((3, 2))}, ShapeError, "out is"),
        ([[1, 1], [1, np.nan], [1, 1]], {}, NonFiniteError, "stream 1: feature 'b'"),
    ],
)
def test_a_failed_step_changes_no_stream(
    x: object, keywords: dict, error: type[Exception], message: str
) -> None:
    fleet = MODEL.streams(3)
    fleet.step(np.ones((3, 2)), 0)
    before = [fleet.snapshot(i) for i in fleet.ids]
    with pytest.raises(error, match=message):
        fleet.step(x, 60, **keywords)
    assert [fleet.snapshot(i) for i in fleet.ids] == before


def test_a_removed_stream_is_gone_and_its_id_not_used_again() -> None:
    fleet = MODEL.streams(2)
    fleet.remove(0)
    assert fleet.add().tolist() == [2]
    assert fleet.ids.tolist() == [1, 2]
    for call in (fleet.reset, fleet.snapshot, fleet.remove):
        with pytest.raises(StateError, match=r"Streams\.\w+: no stream has the id 0"):
            call(0)
    with pytest.raises(StateError, match=r"Streams\.restore: no stream has the id 0"):
        fleet.restore(0, fleet.snapshot(1))


def test_an_empty_fleet_steps_and_grows() -> None:
    fleet = MODEL.streams(0)
    assert fleet.step(np.empty((0, 2)), 0).shape == (0, 1)
    assert fleet.step(np.empty((0, 2)), 0, index=[]).shape == (0, 1)
    fleet.add(2)
    assert repr(fleet) == "<Streams of model: 2>"
    with pytest.raises(ShapeError):
        fleet.add(-1)
    with pytest.raises(ShapeError):
        MODEL.streams(-1)


@pytest.mark.parametrize("i", [1.0, "a", [0], True, None])
def test_what_is_no_id_is_named(i: object) -> None:
    fleet = MODEL.streams(2)
    for call in (fleet.reset, fleet.snapshot, fleet.remove):
        with pytest.raises(ShapeError, match=r"i is .*, expected the id of one stream"):
            call(i)


@pytest.mark.parametrize("i", [-1, 2, np.uint64(2**63), 2**70])
def test_an_unknown_id_is_named_as_it_was_given(i: int) -> None:
    with pytest.raises(StateError, match=rf"no stream has the id {i};"):
        MODEL.streams(2).reset(i)


@pytest.mark.parametrize("make_model", [reference_model, native_model])
@pytest.mark.parametrize("count", [2**32, 2**62, 2**70])
def test_more_streams_than_a_fleet_holds(make_model: Callable, count: int) -> None:
    model = make_model(SPEC, random_weights(SPEC, np.random.default_rng(0)))
    with pytest.raises(ShapeError, match=rf"^Model\.streams: .* have {count} streams"):
        model.streams(count)
    fleet = model.streams(2)
    with pytest.raises(ShapeError, match=rf"^Streams\.add: .* have {count + 2} stream"):
        fleet.add(count)
    assert fleet.ids.tolist() == [0, 1]


def test_more_streams_than_the_address_space_holds() -> None:
    """4,294,967,295 states of 10,001 values: beyond the 47 bits of any process."""
    num_features = 10_000
    spec = ModelSpec(
        features=tuple(Feature(f"f{k}") for k in range(num_features)),
        targets=(Target("f0"),),
        layers=(Gru(num_features, 1), Linear(1, 1)),
    )
    model = native_model(spec, random_weights(spec, np.random.default_rng(0)))
    message = r"4294967295 streams take 160,0\d\d\.\d GiB and do not fit into memory"
    with pytest.raises(ShapeError, match=rf"^Model\.streams: .* {message}"):
        model.streams(2**32 - 1)
    fleet = model.streams(1)
    before = fleet.snapshot(0)
    with pytest.raises(ShapeError, match=r"^Streams\.add: .*do not fit into memory"):
        fleet.add(2**32 - 2)
    assert fleet.snapshot(0) == before
    assert fleet.ids.tolist() == [0]


def test_arrays_that_do_not_fit_leave_the_fleet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> None:
        raise MemoryError

    fleet = MODEL.streams(2)
    monkeypatch.setattr(ArrayFleet, "add", fail)
    with pytest.raises(ShapeError, match=r"states of 5 streams take .* not fit"):
        fleet.add(3)
    assert fleet.ids.tolist() == [0, 1]
