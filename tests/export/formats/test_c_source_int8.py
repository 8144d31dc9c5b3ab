"""Generated C in integers: the bytes of the NumPy reference, with every compiler."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.artifacts import large_state_model, quantised_model
from support.c_integer_models import (
    DrawnIntegers,
    compiled_integers,
    drawn_integers,
    write_integer_c,
)
from support.c_models import FUSED_GCC, WARNINGS
from support.rnn_cells import forecaster
from support.strategies import random_readings, random_weights

from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.c.reading import read_c_source
from rnnedge_export.formats.c.running import CEngine, CStream
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.inputs import is_missing

COMPILERS = {
    "gcc": ("gcc", *WARNINGS),
    "clang": ("clang-14", *WARNINGS),
    "fused": FUSED_GCC,
    "plain": ("gcc", "-std=c99", "-DRNNE_PLAIN_C", "-O3"),
    "undefined": ("gcc", "-fsanitize=undefined", "-O1"),
}


@pytest.fixture(scope="module")
def models() -> list[DrawnIntegers]:
    """All in integers; a cell kept in float; states beyond a function's limit; drawn ones."""
    rng = np.random.default_rng(0)
    spec = forecaster("lstm-proj-L2", 7)
    weights = random_weights(spec, rng)
    given = [
        DrawnIntegers(quantised_model(spec, weights, kept), readings)
        for kept in (frozenset[int](), frozenset({1}))
        for readings in [random_readings(spec, rng, 40)]
    ]
    for size in (8, 600):
        spec, weights = large_state_model("sigmoid", size)
        model = quantised_model(spec, weights)
        given.append(DrawnIntegers(model, random_readings(spec, rng, 40)))
    newer = drawn_integers(4, version=2)
    assert any(m.model.holds_readings for m in newer)
    return given + drawn_integers(4) + newer


@pytest.fixture(scope="module")
def sources(
    models: list[DrawnIntegers], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("c")
    return [write_integer_c(m, f"m{k}", folder) for k, m in enumerate(models)]


@pytest.fixture(scope="module")
def engines(
    sources: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> list[CEngine]:
    return compiled_integers(sources, tmp_path_factory.mktemp("library"))


def step_all(stream: CStream, x: np.ndarray, engine: CEngine) -> np.ndarray:
    y = np.full((len(x), engine.spec.output_size), np.nan, np.float32)
    for row, out in zip(x, y, strict=True):
        assert engine.call("step", stream._state, row.copy(), out) == 0
    return y


@pytest.mark.parametrize("name", COMPILERS)
def test_drawn_models_give_the_bytes_of_the_reference(
    models: list[DrawnIntegers],
    sources: list[Path],
    name: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Missing readings among the inputs; one call of N steps; the recorded steps."""
    count = 5 if name == "undefined" else len(models)  # the sanitizer takes its time
    engines = compiled_integers(sources[:count], tmp_path, COMPILERS[name])
    for drawn, engine in zip(models[:count], engines, strict=True):
        print(drawn.spec, drawn.model.kept)
        stream = engine.stepper()
        assert step_all(stream, drawn.x, engine).tobytes() == drawn.y.tobytes()
        assert engine.stepper().run(drawn.x).tobytes() == drawn.y.tobytes()
        assert engine.check_golden() == 0
        engine.call("reset", stream._state)
        assert stream.memory() == engine.stepper().memory()
    assert "runtime error" not in capfd.readouterr().err  # of the sanitizer


def test_a_stream_of_python_goes_on_with_the_same_bytes(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    for drawn, engine in zip(models, engines, strict=True):
        half = len(drawn.x) // 2
        stream = engine.stepper()
        step_all(stream, drawn.x[:half], engine)
        blob = stream.save()
        other = drawn.numpy.stream()
        times = None if drawn.times is None else drawn.times[:half]
        other.run(drawn.readings[:half], times)
        assert other.snapshot() == blob
        back = engine.stepper()
        assert back.restore(blob) == 0
        assert back.save() == blob
        rest = step_all(back, drawn.x[half:], engine)
        assert rest.tobytes() == drawn.y[half:].tobytes()


def test_odd_states_are_taken_as_the_reference_takes_them(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    """Values that no integer stands for, of float32 and of float64."""
    odd = np.array(
        [1e-300, -9e9, 1 + 2**-24, 0.5 * 2**-15, -0.5 * 2**-15, 1.5 * 2**-24]
    )
    odd = np.append(odd, [1e-40, np.inf, -np.inf, 0.1, -0.0, 1e4, 3 * 2.0**-26])
    rng = np.random.default_rng(0)
    for drawn, engine in zip(models, engines, strict=True):
        if not drawn.has_integer_inputs:
            continue
        names = {"digest": drawn.model.digest, "numerics": "w8a16.v1"}
        for dtype in (np.float32, np.float64):
            state = [
                (rng.choice(odd, e.shape) * rng.uniform(0.25, 4)).astype(dtype)
                for e in drawn.spec.state
            ]
            state[-1] = np.clip(state[-1], -1e9, 1e9)
            blob = pack_snapshot(**names, num_steps=3, state=state)
            stream, other = engine.stepper(), drawn.numpy.stream()
            assert stream.restore(blob) == 0
            other.restore(blob)
            row = drawn.readings[-1:]
            time = None if drawn.times is None else drawn.times[-1:]
            expected = other.run(row, time)
            found = step_all(stream, drawn.x[-1:], engine)
            assert_same_bits(found, expected.astype(np.float32))
            saved, snapshot = (
                unpack_snapshot(content, drawn.spec.state, **names)
                for content in (stream.save(), other.snapshot())
            )
            assert saved[0] == snapshot[0]
            for tensor, judged in zip(saved[1], snapshot[1], strict=True):
                assert_same_bits(tensor, judged)


def assert_same_bits(found: np.ndarray, expected: np.ndarray) -> None:
    """NaN, which infinite states of float layers give, is compared as NaN."""
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    known = ~np.isnan(expected)
    assert found[known].tobytes() == expected[known].tobytes()


def test_damaged_snapshots_leave_the_state(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    for drawn, engine in zip(models[:4], engines[:4], strict=True):
        stream = engine.stepper()
        step_all(stream, drawn.x[:5], engine)
        blob, before = stream.save(), stream.memory()
        names = {"digest": drawn.model.digest, "numerics": "w8a16.v1"}
        _, state = unpack_snapshot(blob, drawn.spec.state, **names)
        bad = [blob[:k] for k in (0, 47, 52, len(blob) - 1)] + [blob + b"\0"]
        bad += [pack_snapshot(**names, num_steps=0, state=state[1:])]
        bad += [bytes([*blob[:k], blob[k] ^ 8, *blob[k + 1 :]]) for k in (9, 50, 60)]
        for wrong in bad:
            assert stream.restore(wrong) in (1, 2)
        other = pack_snapshot(drawn.model.digest, "f32.v1", 0, state)
        assert stream.restore(other) == 3
        assert stream.memory() == before


def test_the_step_on_integers_is_the_step(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    count = 0
    for drawn, engine in zip(models, engines, strict=True):
        if not drawn.model.is_integer_only:
            continue
        count += 1
        stream, spec = engine.stepper(), drawn.spec
        q = np.zeros(spec.input_size, drawn.integer)
        out = np.zeros(spec.output_size, drawn.integer)
        y = np.zeros(spec.output_size, np.float32)
        missing = ~np.isfinite(drawn.x)
        missing[:, : spec.num_features] = is_missing(spec.features, drawn.readings)
        for row, is_gap, expected in zip(drawn.x, missing, drawn.y, strict=True):
            engine.call("quantise", row.copy(), q)
            np.testing.assert_array_equal(q == drawn.missing, is_gap)
            assert engine.call("step_q", stream._state, q, out) == 0
            engine.call("dequantise", out, y)
            assert y.tobytes() == expected.tobytes()
        other = engine.stepper()
        step_all(other, drawn.x, engine)
        assert stream.memory() == other.memory()
        check_limits(drawn, engine)
        check_rejection(drawn, engine)
    assert count


def check_limits(drawn: DrawnIntegers, engine: CEngine) -> None:
    """Integers beyond the limits of an input are those limits."""
    one, other = engine.stepper(), engine.stepper()
    low = drawn.model.tensors["input.0.low"]
    high = drawn.model.tensors["input.0.high"]
    if drawn.model.holds_readings:
        low = drawn.model.tensors["input.0.reading_low"]
        high = drawn.model.tensors["input.0.reading_high"]
    if any(feature.range for feature in drawn.spec.features):
        return
    out = np.zeros((2, drawn.spec.output_size), drawn.integer)
    largest = np.iinfo(drawn.integer).max
    for wild in (-largest, largest):
        x = np.full(drawn.spec.input_size, wild, drawn.integer)
        within = np.clip(x, low, high).astype(drawn.integer)
        if drawn.spec.vocabulary:
            within = np.zeros(1, np.int16)
        engine.call("step_q", one._state, x, out[0])
        engine.call("step_q", other._state, within, out[1])
        np.testing.assert_array_equal(out[0], out[1])
    assert one.memory() == other.memory()


def check_rejection(drawn: DrawnIntegers, engine: CEngine) -> None:
    stream = engine.stepper()
    before = stream.memory()
    for k, feature in enumerate(drawn.spec.features):
        if feature.missing != "reject":
            continue
        q = np.zeros(drawn.spec.input_size, drawn.integer)
        q[k] = drawn.missing
        row = np.zeros((1, drawn.spec.input_size), np.float32)
        row[0, k] = np.nan
        out = np.full(drawn.spec.output_size, 7, drawn.integer)
        y = np.full((1, drawn.spec.output_size), 7, np.float32)
        assert engine.call("step_q", stream._state, q, out) == 1
        assert engine.call("step", stream._state, row, y) == 1
        assert engine.call("run", stream._state, row, ctypes.c_size_t(1), y) == 1
        assert (out == 7).all()
        assert (y == 7).all()
        assert stream.memory() == before


def test_times_are_those_of_the_reference(
    models: list[DrawnIntegers], engines: list[CEngine]
) -> None:
    for drawn, engine in zip(models, engines, strict=True):
        if not drawn.spec.derived:
            continue
        inputs = drawn.numpy.stream()._inputs
        for time in (0, -1, 1_700_000_000, -(2**62), 2**62 + 12345):
            out = np.zeros(2 * len(drawn.spec.derived) + 1, np.float32)
            engine.call("time", ctypes.c_int64(time), out)
            expected = inputs.derived(np.array([time], np.int64))[0]
            assert out[:-1].tobytes() == expected.astype(np.float32).tobytes()
            assert out[-1] == 0
            if drawn.model.is_integer_only:
                q = np.zeros(len(out), drawn.integer)
                engine.call("time_q", ctypes.c_int64(time), q)
                integers = inputs.derived_integers(np.array([time], np.int64))[0]
                np.testing.assert_array_equal(q[:-1], integers)


def test_the_whole_model_is_read_back(
    models: list[DrawnIntegers], sources: list[Path]
) -> None:
    for drawn, path in zip(models, sources, strict=True):
        metadata, read = read_c_source(path)
        assert isinstance(read, QuantisedModel)
        assert metadata.digest == read.digest == drawn.model.digest
        assert read.kept == drawn.model.kept
        assert list(read.tensors) == list(drawn.model.tensors)
        for name, tensor in drawn.model.tensors.items():
            assert read.tensors[name].dtype == tensor.dtype
            np.testing.assert_array_equal(read.tensors[name], tensor)


def test_it_is_loaded_and_verified(
    models: list[DrawnIntegers], sources: list[Path]
) -> None:
    drawn, path = models[0], sources[0]
    for is_compiled in (True, False):
        model = load_c(path, is_compiled=is_compiled)
        y = model.stream().run(drawn.readings, drawn.times)
        assert y.astype(np.float32).tobytes() == drawn.y.tobytes()
    report = verify([path])
    assert not report.has_failed, report
    passed = [check.name for check in report.checks if check.outcome == "passed"]
    assert any("steps in C = w8a16.v1, bit for bit" in name for name in passed)


def test_layers_kept_in_float_leave_no_step_on_integers(
    models: list[DrawnIntegers], sources: list[Path]
) -> None:
    seen = set()
    for drawn, path in zip(models, sources, strict=True):
        text = path.with_suffix(".h").read_text()
        has_step_q = f"int {path.stem}_step_q(" in text
        assert has_step_q == drawn.model.is_integer_only
        seen.add(has_step_q)
        if not has_step_q:
            assert f"There is no {path.stem}_step_q(): kept in float" in text
    assert seen == {False, True}


@pytest.mark.parametrize("compiler", [("g++", "-xc++"), ("clang++-14", "-xc++")])
def test_sources_are_cpp_too(sources: list[Path], compiler: tuple[str, ...]) -> None:
    flags = ("-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")
    programs.run([*compiler, *flags, *sources], check=True)
