"""States with fields that cannot be, their checksums right: refused, or they work."""

from __future__ import annotations

import random
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import reference_model, save_artifact
from support.run_helpers import weather_spec
from support.strategies import random_weights
from support.studies.fuzz_states import check, mutated, samples, seal

import rnnedge_runtime
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.streams.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    spec = weather_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    folder = tmp_path_factory.mktemp("artifact")
    return rnnedge_runtime.load(save_artifact(spec, weights, folder, ".rnne"))


def put(blob: bytes, at: int, layout: str, value: float) -> bytes:
    changed = bytearray(blob)
    struct.pack_into(layout, changed, at, value)
    return seal(bytes(changed))


FIELDS = {
    "version 0": (4, "<H", 0),
    "flags ffff": (6, "<H", 65535),
    "no place, but one is there": (6, "<H", 2),
    "slot 2^63-1": (16, "<q", 2**63 - 1),
    "slot -1": (16, "<q", -1),
    "time 2^63-1": (24, "<q", 2**63 - 1),
    "time -2^63": (24, "<q", -(2**63)),
    "start -2^63": (8, "<q", -(2**63)),
    "late by NaN": (8, "<d", float("nan")),
    "late by infinity": (8, "<d", float("inf")),
    "late by a day": (8, "<d", 86_400e6),
    "forecast of 0": (32, "<I", 0),
    "forecast of 2^32-1": (32, "<I", 2**32 - 1),
    "2^63-1 steps": (36 + 12 + 40, "<Q", 2**63 - 1),
    "NaN in the state": (36 + 12 + 48 + 8, "<f", float("nan")),
}


@pytest.mark.parametrize("name", FIELDS)
def test_row_stream_fields(model: Model, name: str) -> None:
    blob = samples(model)[2]
    stream = RowStream(model)
    stream.restore(blob)
    at, layout, value = FIELDS[name]
    with pytest.raises(FormatError, match=r"^(saved state|snapshot): .*\. .*\.$"):
        stream.restore(put(blob, at, layout, value))
    assert stream.snapshot() == blob


def test_a_forecast_of_no_value(model: Model) -> None:
    """The forecast is taken out and its size is 0, but the flag says that there is one."""
    blob = samples(model)[2]
    size = 4 * model.spec.output_size
    none = blob[:32] + struct.pack("<I", 0) + blob[36 + size :]
    with pytest.raises(FormatError, match="its forecast has 0 values, expected 3"):
        RowStream(model).restore(seal(none))


def test_a_place_in_time_of_a_model_without_a_period(model: Model) -> None:
    import dataclasses

    spec = dataclasses.replace(weather_spec(), sample_period_s=None)
    other = reference_model(spec, random_weights(spec, np.random.default_rng(0)))
    blob = RowStream(other).snapshot()
    with pytest.raises(FormatError, match="the model has no period"):
        RowStream(other).restore(put(blob, 6, "<H", 1))


@pytest.mark.parametrize(
    ("at", "layout", "value", "expected"),
    [
        (4, "<H", 0, "version 0"),
        (6, "<H", 1, "its flags are 1, expected 0"),
        (8, "<I", 1, "do not hold 1 series"),
        (8, "<I", 2**32 - 1, "do not hold 4294967295 series"),
        (16, "<B", 0xFF, "the name of a series is not UTF-8"),
        (16, "<B", ord("a"), "two series have the same name"),
    ],
)
def test_a_field_of_series_that_cannot_be(
    model: Model, at: int, layout: str, value: float, expected: str
) -> None:
    blob = samples(model)[3]
    stream = SeriesStreams(model)
    stream.restore(blob)
    with pytest.raises(FormatError, match=expected):
        stream.restore(put(blob, at, layout, value))
    assert stream.snapshot() == blob


@settings(max_examples=300)
@given(seed=st.integers(0, 2**64 - 1))
def test_a_changed_state_is_refused_or_works(model: Model, seed: int) -> None:
    rng = random.Random(seed)
    check(model, mutated(rng.choice(samples(model)), rng))


def test_a_changed_state_takes_no_memory(model: Model) -> None:
    rng = random.Random(0)
    blobs = samples(model)
    tracemalloc.start()
    for _ in range(200):
        check(model, mutated(rng.choice(blobs), rng))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4 << 20


def test_what_is_written_is_taken(model: Model) -> None:
    assert all(check(model, blob) for blob in samples(model))


def test_the_fuzzed_states_are_of_both_kinds(model: Model, tmp_path: Path) -> None:
    """The fuzzer's own control: some changed states work, most are refused."""
    rng = random.Random(1)
    blobs = samples(model)
    taken = [check(model, mutated(rng.choice(blobs), rng)) for _ in range(200)]
    assert 0.05 < np.mean(taken) < 0.9
