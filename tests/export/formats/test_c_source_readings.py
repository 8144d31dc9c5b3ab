"""Generated C of version 2 of the spec: ranges, changes, readings beside the clip."""

from __future__ import annotations

import ctypes
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.artifacts import describe, torch_model
from support.c_models import (
    FOLLOWING,
    WARNINGS,
    Drawn,
    compiled,
    drawn_model,
    following,
    write_c,
)
from support.rnn_cells import IDS, forecaster

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.estimating import estimate, resized
from rnnedge_export.exporting.export import export
from rnnedge_export.formats.c.generating import generate_source
from rnnedge_export.formats.c.loading import load_c
from rnnedge_export.formats.c.reading import (
    read_c_source,
    read_content,
    read_description,
)
from rnnedge_export.formats.c.running import CEngine, CStream
from rnnedge_export.verifying.verify import verify
from rnnedge_runtime.errors import FormatError, NonFiniteError
from rnnedge_runtime.spec.layers import Difference
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.inputs import Inputs
from rnnedge_runtime.streams.stream import Stream

STEPS = 5_000
FEWER_STEPS = 500
NUM_EVENTS = 20
LONGEST = {("gru-L1", "first"), ("lstm-L2", "middle")}


@pytest.fixture(scope="module")
def models() -> list[Drawn]:
    return [drawn_model(following(*names), k) for k, names in enumerate(FOLLOWING)]


@pytest.fixture(scope="module")
def engines(
    models: list[Drawn], tmp_path_factory: pytest.TempPathFactory
) -> list[CEngine]:
    folder = tmp_path_factory.mktemp("following")
    paths = [write_c(m.spec, m.weights, f"m{k}", folder) for k, m in enumerate(models)]
    return compiled(paths, folder, ("gcc", *WARNINGS))


def odd_readings(spec: ModelSpec, rng: np.random.Generator, size: int) -> np.ndarray:
    """`[T, F]`: far outside the clip, at both ends of the range and beyond, missing."""
    readings = rng.normal(size=(size, spec.num_features)).astype(np.float32)
    readings *= rng.choice([0.5, 30, 1e3, 1e-38], readings.shape).astype(np.float32)
    for k, feature in enumerate(spec.features):
        odd = [np.nan, -np.nan, np.inf, -np.inf, 3e38, -3e38, 85.0, -127.0, 0.0, -0.0]
        if feature.range is not None:
            ends = np.asarray(feature.range, np.float32)
            odd += [*ends, *np.nextafter(ends, -np.inf), *np.nextafter(ends, np.inf)]
        places = rng.random(size) < 0.3
        readings[places, k] = rng.choice(np.array(odd, np.float32), places.sum())
    return readings


def steps_in_c(stream: CStream, engine: CEngine, x: np.ndarray) -> np.ndarray:
    y = np.empty((len(x), engine.spec.output_size), np.float32)
    for row, out in zip(x, y, strict=True):
        assert engine.call("step", stream._state, row, out) == 0
    return y


@pytest.mark.parametrize("index", range(len(FOLLOWING)), ids=map("-".join, FOLLOWING))
def test_long_streams_of_odd_readings_give_the_bytes_of_the_reference(
    models: list[Drawn], engines: list[CEngine], index: int
) -> None:
    """With resets, and snapshots in both directions, in between."""
    model, engine = models[index], engines[index]
    rng = np.random.default_rng(index)
    num_steps = STEPS if FOLLOWING[index] in LONGEST else FEWER_STEPS
    readings = odd_readings(model.spec, rng, num_steps)
    times = None
    if model.spec.derived:
        times = 1_700_000_000 + 600 * np.arange(num_steps)
    x = np.ascontiguousarray(Inputs(model.spec).rows(readings, times))
    x[:, : model.spec.num_features] = readings
    cuts = np.sort(rng.choice(np.arange(1, num_steps), NUM_EVENTS, replace=False))
    python, c = model.numpy.stream(), engine.stepper()
    for part in np.split(np.arange(num_steps), cuts):
        expected = python.run(readings[part], None if times is None else times[part])
        assert np.isfinite(expected).all()
        assert steps_in_c(c, engine, x[part]).tobytes() == expected.tobytes()
        assert c.save() == python.snapshot()
        hand_over(rng.choice(["", "reset", "to C", "to Python"]), python, c, engine)
    assert engine.check_golden() == 0


def hand_over(event: str, python: Stream, c: CStream, engine: CEngine) -> None:
    """One of the two streams starts from what the other has left, or both anew."""
    if event == "reset":
        python.reset()
        engine.call("reset", c._state)
    elif event == "to C":
        engine.call("reset", c._state)
        assert c.restore(python.snapshot()) == 0
    elif event == "to Python":
        python.reset()
        python.restore(c.save())


def test_a_reading_outside_its_range_is_refused_where_missing_ones_are(
    tmp_path: Path,
) -> None:
    plain = following("gru-L1")
    strict = dataclasses.replace(plain.features[0], missing="reject")
    spec = dataclasses.replace(plain, features=(strict, *plain.features[1:]))
    model = drawn_model(spec, 0)
    (engine,) = compiled([write_c(spec, model.weights, "m", tmp_path)], tmp_path)
    stream, numpy = engine.stepper(), model.numpy.stream()
    good = np.array([[60, np.nan, 2], [-40, 1, -1]], np.float32)
    y = steps_in_c(stream, engine, good)
    assert y.tobytes() == numpy.run(good).tobytes()
    before = stream.memory()
    for wrong in (85.0, np.nextafter(np.float32(60), np.float32(61)), -41, np.nan):
        rows = good.copy()
        rows[1, 0] = wrong
        out = np.full_like(y, 7)
        assert engine.call("step", stream._state, rows[1].copy(), out) == 1
        assert engine.call("run", stream._state, rows, ctypes.c_size_t(2), out) == 1
        assert (out == 7).all()
        assert stream.memory() == before
        with pytest.raises(NonFiniteError):
            numpy.step(rows[1])
    assert steps_in_c(stream, engine, good).tobytes() == numpy.run(good).tobytes()


def test_input_and_output_may_be_the_same_memory(
    models: list[Drawn], engines: list[CEngine]
) -> None:
    for model, engine in zip(models, engines, strict=True):
        spec = model.spec
        stream = engine.stepper()
        for row, expected in zip(model.x, model.y, strict=True):
            memory = np.zeros(max(spec.input_size, spec.output_size), np.float32)
            memory[: spec.input_size] = row
            assert engine.call("step", stream._state, memory, memory) == 0
            assert memory[: spec.output_size].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("name", "place"), [("gru-L2", "scaled"), ("lstm-L2", "middle")]
)
def test_exports_are_proved_and_verified(name: str, place: str, tmp_path: Path) -> None:
    model = drawn_model(following(name, place), 0)
    module = torch_model(model.spec, model.weights)
    report = export(module, formats=("rnne", "c"), out=tmp_path, name="m")
    assert report.notes == ()
    assert {path.suffix for path in tmp_path.iterdir()} == {".rnne", ".c", ".h"}
    checks = verify([artifact.path for artifact in report.artifacts]).checks
    assert {check.outcome for check in checks} == {"passed"}
    assert load_c(tmp_path / "m.c").engine.check_golden() == 0


def test_earlier_versions_say_that_a_source_is_newer(
    tmp_path: Path,
) -> None:
    """The description is of version 1 still; the spec in it says what is needed."""
    model = drawn_model(following("gru-L1"), 0)
    path = write_c(model.spec, model.weights, "m", tmp_path)
    assert read_c_source(path)[0].spec == model.spec
    content = read_content(path.read_text(), path.name)
    spec = content["spec"]
    assert (content["format_version"], spec["format_version"]) == (1, 2)
    spec["format_version"] = 5
    with pytest.raises(FormatError, match=r"m\.c: format version 5 is newer than .* 4"):
        read_description(content, dict, path.name)
    spec["format_version"] = 1
    with pytest.raises(FormatError, match="says version 1, but holds what version 2"):
        read_description(content, dict, path.name)


@pytest.mark.parametrize("name", IDS)
def test_sources_of_version_1_hold_no_kernel_that_came_later(name: str) -> None:
    model = drawn_model(forecaster(name, 5), 0)
    source = generate_source(describe(model.spec, model.weights), model.weights, "m")
    text = source.files["m.c"]
    for later in ("rnne_f32_hold", "rnne_f32_changes", "rnne_is_out", "range_least"):
        assert later not in text + source.files["rnnedge_f32.h"]


def test_the_header_says_what_is_plausible() -> None:
    model = drawn_model(following("gru-L1"), 0)
    source = generate_source(describe(model.spec, model.weights), model.weights, "m")
    header = source.files["m.h"]
    assert (
        "a; when missing held, clipped to -1 .. 1, plausible from -40 to 60" in header
    )
    assert "NaN, infinite or not plausible is missing" in header
    assert "float d_0[5];" in header


@pytest.mark.parametrize("board", BOARDS)
def test_will_it_fit_is_known_of_networks_that_take_changes(board: str) -> None:
    spec = following("gru-L1")
    small, large = (estimate(BOARDS[board], resized(spec, size)) for size in (5, 64))
    assert small.is_estimated
    assert small.flash_nbytes < large.flash_nbytes
    assert small.ram_nbytes < large.ram_nbytes
    assert resized(spec, 5) == spec
    assert any(isinstance(layer, Difference) for layer in resized(spec, 64).layers)
