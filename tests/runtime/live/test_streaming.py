"""A streamed file steps what the same file is as training data."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.artifacts import load_backend, reference_model
from support.strategies import random_weights

from rnnedge.data import load_dataset
from rnnedge.data.series import Dataset
from rnnedge_runtime.errors import DataError, FormatError, NonFiniteError, StateError
from rnnedge_runtime.live.findings import MISSING_ROWS, NEW_STRETCHES, REPEATED_ROWS
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import read_rows
from rnnedge_runtime.tables.rows.row import Row
from rnnedge_runtime.tables.timestamps import time_text
from rnnedge_runtime.tolerances import parity_limit

START_US = 1_357_020_000_000_000


def spec_of(
    period_s: float | None,
    *,
    missing: str = "hold",
    derived: tuple[DerivedInput, ...] = (DerivedInput(86_400),),
    max_gap_s: float | None = None,
) -> ModelSpec:
    return ModelSpec(
        features=(
            Feature("temp", "C", missing, (-30.0, 60.0), 10.0),
            Feature("flow", "", missing, None, 1.0),
        ),
        targets=(Target("temp", "C"),),
        layers=(
            Affine(2 + 2 * len(derived)),
            Gru(2 + 2 * len(derived), 5),
            Linear(5, 2),
        ),
        horizon=2,
        derived=derived,
        sample_period_s=period_s,
        max_gap_s=max_gap_s,
    )


def model_of(spec: ModelSpec, seed: int = 0) -> Model:
    return reference_model(spec, random_weights(spec, np.random.default_rng(seed)))


@dataclass
class Log:
    """Ragged rows as a CSV text, each cell odd in its own way, and their longest hole."""

    text: str
    num_rows: int
    max_gap_s: float


@st.composite
def logs(draw) -> Log:
    """Regular rows with holes, repeats, jitter, drift, restarts, empty cells."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    period_s = draw(st.sampled_from((0.5, 1.0, 600.0, 3600.0)))
    num_rows = draw(st.integers(10, 60))
    steps = np.full(num_rows, draw(st.sampled_from((1.0, 1.0, 1.003))))
    places = rng.permutation(np.arange(4, num_rows))
    few = draw(st.sampled_from((0, num_rows // 8)))
    steps[places[:few]] += rng.choice([1, 2, 5, 30], few)
    repeated, late, other = np.split(places[few:], [num_rows // 12, num_rows // 6])
    steps[repeated] = rng.choice([0.0, 0.1], len(repeated))
    steps[late] += draw(st.sampled_from((0.0, 0.3)))
    steps[other[: draw(st.integers(0, 2))]] += rng.uniform(0.2, 0.8)
    aside = rng.normal(0, draw(st.sampled_from((0.0, 0.0, 0.05, 0.2))), num_rows)
    aside[:4] = 0
    times = START_US + np.sort((np.cumsum(steps) + aside) * period_s * 1e6).astype(int)
    lines = ["flow,time,temp"]
    for k, time_us in enumerate(times):
        cells = [f"{rng.normal():.3g}", f"{10 + 30 * rng.normal():.4g}"]
        for j in np.flatnonzero(rng.random(2) < 0.1):
            cells[j] = str(rng.choice(["", "NA", "nan", "inf"]))
        cells = ["0.5", "11"] if k == 0 else ["1.5", "12"] if k == 1 else cells
        lines.append(f"{cells[0]},{time_text(time_us)},{cells[1]}")
    return Log("\n".join(lines) + "\n", num_rows, 10 * period_s)


def rows_of(text: str, spec: ModelSpec) -> list[Row]:
    return list(read_rows(io.StringIO(text), spec, where="log.csv").rows)


def model_and_data(log: Log, path: Path) -> tuple[Model, Dataset]:
    """A model of what training finds in a log."""
    path.write_text(log.text)
    try:
        data = load_dataset(
            path,
            targets="temp",
            features=["temp", "flow"],
            options=TableOptions(max_gap=f"{log.max_gap_s}s"),
        )
    except DataError:  # too rough to have a period
        reject()
    spec = spec_of(data.sample_period_s, max_gap_s=data.max_gap_s)
    return model_of(spec), data


def training_forecasts(model: Model, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """What evaluation does: every stretch in one run; and which slots are readings."""
    found = [model.stream().run(one.values, one.time) for one in data.series]
    return np.concatenate(found), np.concatenate([s.is_reading for s in data.series])


def count_of(stream: RowStream, what: str) -> int:
    return stream.findings.counts.get(what, (0, 0))[0]


@settings(max_examples=80)
@given(logs())
def test_streaming_steps_what_training_saw(tmp_path: Path, log: Log) -> None:
    model, data = model_and_data(log, tmp_path / "log.csv")
    expected, is_reading = training_forecasts(model, data)

    stream = RowStream(model)
    rows = rows_of(log.text, model.spec)
    forecasts = [stream.advance(row) for row in rows]
    assert len(forecasts) == log.num_rows

    assert count_of(stream, MISSING_ROWS) == (~is_reading).sum()
    assert count_of(stream, NEW_STRETCHES) == len(data.series) - 1
    assert log.num_rows - count_of(stream, REPEATED_ROWS) == is_reading.sum()

    distinct = [forecasts[0]]
    for before, forecast in itertools.pairwise(forecasts):
        if forecast is not before:
            distinct.append(forecast)
    assert np.array_equal(distinct, expected[is_reading].astype(np.float32))


@pytest.mark.parametrize("backend", ["onnx", "torchscript"])
def test_streaming_with_every_backend(
    tmp_path: Path, backend: str, rng: np.random.Generator
) -> None:
    spec = spec_of(600.0)
    model = load_backend(spec, random_weights(spec, rng), backend, tmp_path)
    slots = np.flatnonzero(rng.random(200) < 0.9)
    lines = ["time,temp,flow"]
    for slot in slots - slots[0]:
        cells = rng.normal(size=2)
        lines.append(
            f"{time_text(START_US + slot * 600_000_000)},{cells[0]},{cells[1]}"
        )
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines))
    data = load_dataset(path, targets="temp", features=["temp", "flow"])
    expected, is_reading = training_forecasts(model, data)
    rows = rows_of(path.read_text(), spec)
    found = np.array(forecasts(model, rows))
    assert np.abs(found - expected[is_reading]).max() <= parity_limit(expected)


def forecasts(model: Model, rows: list[Row]) -> list[NDArray[np.float32] | None]:
    stream = RowStream(model)
    return [stream.advance(row) for row in rows]


def row(
    number: int, slot: float, temp: float = 1.0, flow: float = 2.0, period_s: float = 60
) -> Row:
    time_us = START_US + int(slot * period_s * 1e6)
    return Row(number, "", time_us, np.array([temp, flow], dtype=np.float32))


def test_rows_without_time_or_period_are_one_step_apart() -> None:
    model = model_of(spec_of(60.0, derived=()))
    plain = model_of(spec_of(None, derived=()))
    untimed = [Row(k, None, None, row(k, k).readings) for k in range(3)]
    for streamed in (model, plain):
        steps = streamed.stream()
        for forecast in forecasts(streamed, untimed):
            y = steps.step(untimed[0].readings).astype(np.float32)
            assert np.array_equal(forecast, y)
    timed = [row(1, 0), row(2, 0), row(3, 7)]
    steps = plain.stream()
    for forecast in forecasts(plain, timed):
        y = steps.step(timed[0].readings).astype(np.float32)
        assert np.array_equal(forecast, y)


def test_time_going_backwards_leaves_the_stream_as_it_was() -> None:
    stream = RowStream(model_of(spec_of(60.0)), where="pipe")
    stream.advance(row(1, 0))
    stream.advance(row(2, 5))
    before = stream.snapshot()
    with pytest.raises(DataError) as error:
        stream.advance(row(3, 4))
    assert str(error.value).startswith(
        "pipe: time goes backwards in row 3, from 2013-01-01T06:05:00Z to "
        "2013-01-01T06:04:00Z. "
    )
    assert stream.snapshot() == before
    with pytest.raises(
        DataError, match="2,000,000 slots of 60 s are missing before row 4"
    ):
        stream.advance(row(4, 2_000_006))
    assert stream.snapshot() == before
    assert stream.advance(row(5, 6)) is not None


def test_a_missing_reading_under_reject_names_the_row() -> None:
    stream = RowStream(model_of(spec_of(60.0, missing="reject")), where="pipe")
    stream.advance(row(1, 0))
    before = stream.snapshot()
    with pytest.raises(
        NonFiniteError,
        match="pipe: feature 'flow' is missing in row 17, and its policy",
    ):
        stream.advance(row(17, 1, flow=np.nan))
    with pytest.raises(
        NonFiniteError, match="feature 'temp' is missing for 2 slots before row 18"
    ):
        stream.advance(row(18, 3))
    assert stream.snapshot() == before
    stream.advance(row(19, 0, flow=np.nan))


def test_what_was_mended_is_counted_by_column() -> None:
    stream = RowStream(model_of(spec_of(60.0)))
    for item in (
        row(1, 0),
        row(2, 1.1, temp=468.7),
        row(3, 1.2),
        row(4, 4, flow=np.nan),
        row(5, 5, temp=-31),
    ):
        stream.advance(item)
    assert stream.findings.lines() == [
        "rows moved to the nearest time slot: 3, first at row 2.",
        "readings of temp outside -30 to 60 clipped: 2, first at row 2.",
        "rows in a time slot already taken: 1, first at row 3.",
        "missing rows stepped: 2, first at row 4.",
        "missing readings of flow held: 1, first at row 4.",
    ]


@settings(max_examples=40)
@given(logs(), st.data())
def test_a_saved_stream_goes_on_as_if_never_stopped(
    tmp_path: Path, log: Log, data: st.DataObject
) -> None:
    model, _ = model_and_data(log, tmp_path / "log.csv")
    rows = rows_of(log.text, model.spec)
    whole = RowStream(model)
    expected = [whole.advance(item) for item in rows]
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=5).map(sorted))
    stream, found = RowStream(model), []
    for start, stop in itertools.pairwise([0, *cuts, len(rows)]):
        saved = stream.snapshot()
        stream = RowStream(model)
        stream.restore(saved)
        found += [stream.advance(item) for item in rows[start:stop]]
    assert np.array_equal(found, expected)
    assert stream.snapshot() == whole.snapshot()


def test_a_state_of_version_1_goes_on() -> None:
    """It held the time of slot 0 where the lateness is now."""
    model = model_of(spec_of(60.0))
    stream = RowStream(model)
    for item in (row(1, 0), row(2, 1), row(3, 2.2)):
        stream.advance(item)
    blob = stream.snapshot()[:-4]
    old = struct.pack("<4sHHqqq", b"RNNR", 1, 3, START_US, 2, row(3, 2.2).time_us)
    old += blob[len(old) :]
    old += struct.pack("<I", zlib.crc32(old))
    restored = RowStream(model)
    restored.restore(old)
    for item in (row(4, 3), row(5, 3.1), row(6, 5.8)):
        assert np.array_equal(restored.advance(item), stream.advance(item))
    assert count_of(restored, REPEATED_ROWS) == 1
    assert count_of(restored, MISSING_ROWS) == 2


def test_a_long_hole_starts_from_the_initial_state() -> None:
    model = model_of(spec_of(60.0, max_gap_s=600.0))
    stream = RowStream(model)
    for item in (row(1, 0), row(2, 1), row(3, 11, flow=3.0)):
        stream.advance(item)
    assert count_of(stream, MISSING_ROWS) == 9
    assert count_of(stream, NEW_STRETCHES) == 0
    fresh = RowStream(model)
    expected = fresh.advance(row(4, 21.25, temp=3.0))
    assert np.array_equal(stream.advance(row(4, 21.25, temp=3.0)), expected)
    assert np.array_equal(stream.advance(row(5, 22.25)), fresh.advance(row(5, 22.25)))
    assert stream.snapshot() == fresh.snapshot()
    assert stream.findings.lines()[-1] == (
        "new stretches started after a hole: 1, first at row 4."
    )
    assert stream.advance(row(6, 10_000_000)) is not None


def test_a_reading_missing_after_a_long_hole_leaves_the_stream_as_it_was() -> None:
    stream = RowStream(model_of(spec_of(60.0, missing="reject", max_gap_s=600.0)))
    stream.advance(row(1, 0))
    before = stream.snapshot()
    with pytest.raises(NonFiniteError, match="'flow' is missing in row 2"):
        stream.advance(row(2, 50, flow=np.nan))
    assert stream.snapshot() == before
    stream.advance(row(2, 50))
    assert count_of(stream, NEW_STRETCHES) == 1


@pytest.mark.parametrize(
    ("period_s", "is_other"),
    [
        *((60, False), (61, False), (6, True), (30, True)),
        *((42, True), (80, True), (120, True), (660, True)),
    ],
)
def test_another_period_is_seen(period_s: float, is_other: bool) -> None:
    stream = RowStream(model_of(spec_of(60.0, max_gap_s=600.0)))
    for k in range(60):
        stream.advance(row(k, k, period_s=period_s))
    assert stream.findings.is_other_period == is_other


def test_holes_by_chance_are_no_other_period(rng: np.random.Generator) -> None:
    stream = RowStream(model_of(spec_of(60.0)))
    for number, slot in enumerate(np.flatnonzero(rng.random(300) < 0.4)):
        stream.advance(row(number, int(slot)))
    assert count_of(stream, MISSING_ROWS) > stream.findings.num_rows
    assert not stream.findings.is_other_period


def test_a_restart_at_another_phase_costs_no_rows(rng: np.random.Generator) -> None:
    """As a logger does that starts anew at half past, give or take two seconds."""
    stream = RowStream(model_of(spec_of(60.0, max_gap_s=3600.0)))
    slots = np.concatenate([np.arange(100), 100.5 + np.arange(400)])
    slots[100:] += rng.integers(-2, 3, 400) / 60
    for number, slot in enumerate(slots):
        stream.advance(row(number, slot))
    assert count_of(stream, REPEATED_ROWS) == 0
    assert count_of(stream, MISSING_ROWS) <= 1
    assert not stream.findings.is_other_period


def test_the_snapshot_of_a_stream_is_taken_too() -> None:
    model = model_of(spec_of(60.0))
    plain = model.stream()
    plain.step([1.0, 2.0], time=START_US // 1_000_000)
    stream = RowStream(model)
    stream.restore(plain.snapshot())
    expected = plain.step([1.0, 2.0], time=START_US // 1_000_000 + 60)
    assert np.array_equal(stream.advance(row(1, 1)), expected.astype(np.float32))


@given(st.data())
def test_a_damaged_state_is_refused(data: st.DataObject) -> None:
    stream = RowStream(model_of(spec_of(60.0)))
    stream.advance(row(1, 0))
    stream.advance(row(2, 2))
    blob = bytearray(stream.snapshot())
    k = data.draw(st.integers(0, len(blob) - 1))
    blob[k] ^= data.draw(st.integers(1, 255))
    before = stream.snapshot()
    with pytest.raises(FormatError):
        stream.restore(bytes(blob))
    with pytest.raises(FormatError):
        stream.restore(before[:k])
    assert stream.snapshot() == before


def test_the_state_of_another_model_is_refused() -> None:
    stream = RowStream(model_of(spec_of(60.0), seed=1))
    stream.advance(row(1, 0))
    with pytest.raises(StateError, match="it belongs to model"):
        RowStream(model_of(spec_of(60.0), seed=2)).restore(stream.snapshot())


def test_a_newer_state_names_both_versions() -> None:
    stream = RowStream(model_of(spec_of(60.0)))
    blob = bytearray(stream.snapshot())
    blob[4] = 9
    with pytest.raises(FormatError, match="version 9 is newer than version 2"):
        stream.restore(bytes(blob))
