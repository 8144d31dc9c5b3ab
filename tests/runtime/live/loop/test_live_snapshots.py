"""Snapshots of live streams: anywhere, into any backend, and none that is damaged."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    integer_rnne,
    load_backend,
    native_model,
    quantised_model,
    reference_model,
)
from support.live_batches import (
    Readings,
    draw_readings,
    forecasts_of_rows,
    live_streams,
    with_holes_held,
)
from support.strategies import random_weights, seeds, sensor_specs

import rnnedge_runtime as runtime
from rnnedge_runtime.errors import FormatError, StateError
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

SPEC = ModelSpec(
    features=(Feature("a", longest_unchanged=9), Feature("b", range=(-2.0, 2.0))),
    targets=(Target("a"),),
    layers=(Gru(2, 5), Linear(5, 1)),
    sample_period_s=60.0,
    max_gap_s=480.0,
)
WAIT_US = 120_000_000


@pytest.mark.parametrize("backends", [("numpy", "native"), ("native", "numpy")])
@settings(max_examples=12)
@given(spec=sensor_specs(), seed=seeds, cut=st.integers(0, 40))
def test_a_snapshot_goes_on_in_any_backend_as_row_streams_do(
    tmp_path: Path, backends: tuple[str, str], spec: ModelSpec, seed: int, cut: int
) -> None:
    spec = with_holes_held(spec)
    weights = random_weights(spec, np.random.default_rng(0))
    models = [load_backend(spec, weights, name, tmp_path) for name in backends]
    assert_goes_on(models, draw_readings(spec, np.random.default_rng(seed)), cut)


@pytest.mark.parametrize("backends", [("numpy", "native"), ("native", "numpy")])
@settings(max_examples=12)
@given(seed=seeds, cut=st.integers(0, 40))
def test_a_snapshot_in_integers_goes_on_in_any_backend_as_row_streams_do(
    integers: Path, backends: tuple[str, str], seed: int, cut: int
) -> None:
    models = [runtime.load(integers, backend=name) for name in backends]
    assert_goes_on(models, draw_readings(SPEC, np.random.default_rng(seed)), cut)


@pytest.fixture(scope="module")
def integers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("integers") / "model.rnne"
    weights = random_weights(SPEC, np.random.default_rng(0))
    path.write_bytes(integer_rnne(quantised_model(SPEC, weights)))
    return path


def assert_goes_on(models: list[Model], readings: Readings, cut: int) -> None:
    model, other = models
    first, second = live_streams(model), live_streams(other, 0)
    found = first.apply(readings.part(slice(0, cut)).batch())
    second.restore(first.snapshot())
    rest = readings.part(slice(cut, None)).batch()
    after = second.apply(rest)
    again = first.apply(rest)
    assert after.values.tobytes() == again.values.tobytes()
    assert first.snapshot() == second.snapshot()
    rows = [*found.rows.tolist(), *(cut + after.rows).tolist()]
    values = [*found.values, *after.values]
    assert [
        (row, each.tobytes()) for row, each in zip(rows, values, strict=True)
    ] == forecasts_of_rows(model, readings)


def some_streams(seed: int, wait_us: int = WAIT_US) -> tuple[LiveStreams, Readings]:
    """After readings of which some still wait."""
    rng = np.random.default_rng(seed)
    model = native_model(SPEC, random_weights(SPEC, np.random.default_rng(0)))
    streams = live_streams(model, wait_us=wait_us)
    streams.prime(["0", "ö"], np.array([10**15, 2]), np.ones((2, 2), np.float32))
    readings = draw_readings(SPEC, rng)
    for row in range(40):
        now_us = int(readings.time_us[row])
        streams.apply(readings.part(slice(row, row + 1)).batch(now_us))
    return streams, readings


@settings(max_examples=10)
@given(seed=seeds, cut=st.integers(0, 39))
def test_the_same_batches_from_a_snapshot_give_the_same(seed: int, cut: int) -> None:
    streams, readings = some_streams(seed)
    other, _ = some_streams(seed + 1)
    other.restore(streams.snapshot())
    assert other.snapshot() == streams.snapshot()
    assert (other.names, other.sequence) == (streams.names, streams.sequence)
    later = readings.time_us + 10**9
    for part in (slice(0, cut), slice(cut, 40)):
        given = replace(readings, time_us=later).part(part)
        batch = given.batch(int(later.max()))
        assert other.due_us() == streams.due_us()
        outcomes = [each.apply(batch) for each in (streams, other)]
        for name in ("series", "time_us", "readings", "values", "rows"):
            one, two = (getattr(outcome, name) for outcome in outcomes)
            assert one.tobytes() == two.tobytes()
    assert other.snapshot() == streams.snapshot()


@cache
def kept_streams() -> tuple[LiveStreams, Readings, bytes]:
    """Some, their readings and their snapshot."""
    streams, readings = some_streams(0)
    return streams, readings, streams.snapshot()


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_snapshot_changes_nothing(data: st.DataObject) -> None:
    streams, _, blob = kept_streams()
    streams.restore(blob)
    at = data.draw(st.integers(0, len(blob) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(blob)
    changed[at] ^= 1 << bit
    for damaged in (bytes(changed), blob[:at]):
        with pytest.raises((FormatError, StateError)):
            streams.restore(damaged)
        assert streams.snapshot() == blob


@settings(max_examples=100)
@given(data=st.data())
def test_a_snapshot_changed_and_signed_again_is_refused_or_one_that_goes_on(
    data: st.DataObject,
) -> None:
    streams, readings, blob = kept_streams()
    streams.restore(blob)
    body = bytearray(blob[:-4])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        odd = data.draw(st.sampled_from((b"\0", b"\xff", b"\x7f" * 4, b"\xff" * 8)))
        body[at : at + len(odd)] = odd
    try:
        streams.restore(sealed(bytes(body)))
    except (FormatError, StateError):
        assert streams.snapshot() == blob
        return
    saved = streams.snapshot()
    streams.restore(saved)
    assert streams.snapshot() == saved
    if len(streams) > 2:
        streams.apply(readings.batch(int(readings.time_us.max())))


def test_another_model_and_what_is_no_snapshot_are_refused() -> None:
    streams, _ = some_streams(0)
    weights = random_weights(SPEC, np.random.default_rng(5))
    other = live_streams(native_model(SPEC, weights))
    with pytest.raises(StateError, match="it belongs to model"):
        other.restore(streams.snapshot())
    newer = bytearray(streams.snapshot()[:-4])
    newer[4] = 2
    with pytest.raises(FormatError, match="is newer than version 1"):
        streams.restore(sealed(bytes(newer)))
    for blob in (b"", b"RNNL", b"text"):
        with pytest.raises(FormatError):
            streams.restore(blob)


@pytest.mark.parametrize("make_model", [reference_model, native_model])
def test_row_streams_go_on_as_live_streams(make_model: Callable) -> None:
    model = make_model(SPEC, random_weights(SPEC, np.random.default_rng(0)))
    readings = draw_readings(SPEC, np.random.default_rng(0), disorder=0)
    one, many = RowStream(model), SeriesStreams(model)
    for row in range(30):
        given = Row(row, None, int(readings.time_us[row]), readings.values[row], "0")
        if readings.series[row] == 0:
            many.advance(given)
            one.advance(given)
    live = [live_streams(model, 0) for _ in range(2)]
    live[0].restore(one.snapshot())
    live[1].restore(many.snapshot())
    assert (live[0].names, live[1].names) == ([""], ["0"])
    values = np.ones(2, dtype=np.float32)
    for rows, streams in zip((one, many), live, strict=True):
        (last_us,) = rows.last_times_us().values()
        row = Row(99, None, last_us + 60_000_000, values, "0")
        batch = Readings(np.zeros(1, np.int32), np.array([row.time_us]), values[None])
        expected = rows.advance(row)
        found = streams.apply(batch.batch(row.time_us))
        assert found.values[0].tobytes() == expected.tobytes()
