"""Models in integers whose readings leave the range they were trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import inputs_of, integer_rnne
from support.c_integer_models import DrawnIntegers, compiled_integers, write_integer_c
from support.strategies import random_weights, seeds
from support.tables.drifting import (
    HORIZON,
    TRAINING_ROWS,
    series,
    trained,
    true_outputs,
)

import rnnedge_export.formats.rnne.writing as writer
import rnnedge_runtime as runtime
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.numerics.w8a16 import LARGEST_READING, LARGEST_VALUE
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine, initial_state
from rnnedge_runtime.tolerances import LOSS_STD_FRACTION, MAX_LOSS


@pytest.fixture(scope="module", autouse=True)
def _short_proof() -> Iterator[None]:
    """For the module, so that one worker trains its networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "LONG_RUN_STEPS", 1)
        yield


WITH_AND_WITHOUT = pytest.mark.parametrize("has_changes", [False, True])


def integers(*, has_changes: bool) -> QuantisedModel:
    spec, weights = trained(has_changes=has_changes)
    ranges = measure_ranges(spec, weights, series()[:TRAINING_ROWS])
    return quantise(spec, weights, ranges, frozenset())


def outputs(engine: Engine, spec: ModelSpec, x: np.ndarray) -> np.ndarray:
    state = initial_state(spec.graph_state, 1, np.float32)
    return engine.run(x[None], state)[0][0]


@WITH_AND_WITHOUT
def test_the_error_stays_beyond_the_training_range(has_changes: bool) -> None:
    spec, weights = trained(has_changes=has_changes)
    model = integers(has_changes=has_changes)
    assert model.is_integer_only
    x = series()
    expected = true_outputs(x)[TRAINING_ROWS:]
    errors = [
        np.abs(outputs(engine, spec, x)[TRAINING_ROWS:-HORIZON] - expected).mean(axis=0)
        for engine in (Float32Engine(spec, weights), IntegerEngine(model))
    ]
    print("MAE in float and int8:", *errors)
    allowed = np.maximum(MAX_LOSS * errors[0], LOSS_STD_FRACTION * expected.std(axis=0))
    assert (errors[1] - errors[0] <= allowed).all()
    assert (errors[1] < 0.6).all(), "the forecasts follow the series"
    clip = spec.features[0].clip
    assert clip is not None
    assert x[-1, 0] > clip[1] + 2.5 * (clip[1] - clip[0])


def wild_readings() -> np.ndarray:
    """`[5000, 1]`: the series, then far beyond its clip, missing and implausible."""
    rng = np.random.default_rng(1)
    x = np.resize(series(), (5_000, 1)).copy()
    x[2_500:] += rng.normal(scale=40, size=(2_500, 1)).astype(np.float32)
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 5000, 0, -0.0], np.float32)
    x[rng.random(x.shape) < 0.1] = rng.choice(odd)
    gaps = rng.random(x.shape) < 0.05
    x[gaps] = rng.choice(odd, gaps.sum())
    return x


@WITH_AND_WITHOUT
def test_every_engine_gives_the_same_bytes(has_changes: bool, tmp_path: Path) -> None:
    drawn = DrawnIntegers(integers(has_changes=has_changes), wild_readings())
    path = tmp_path / "model.rnne"
    path.write_bytes(integer_rnne(drawn.model))
    native, numpy = runtime.load(path, backend="native").stream(), drawn.numpy.stream()
    expected = numpy.run(drawn.readings)
    assert native.run(drawn.readings).tobytes() == expected.tobytes()
    assert native.snapshot() == numpy.snapshot()
    (engine,) = compiled_integers([write_integer_c(drawn, "m", tmp_path)], tmp_path)
    stream = engine.stepper()
    assert stream.run(drawn.x).tobytes() == expected.tobytes()
    assert stream.save() == native.snapshot()
    assert stream.restore(numpy.snapshot()) == 0
    assert stream.save() == numpy.snapshot()


@settings(max_examples=20)
@given(seed=seeds)
def test_the_far_end_is_within_one_step_of_the_reading(seed: int) -> None:
    """With a network that gives 0, the forecast is the last reading."""
    rng = np.random.default_rng(seed)
    width = float(10.0 ** rng.uniform(-3, 4))
    low = float(rng.uniform(-100, 100)) * width
    reach = float(10.0 ** rng.uniform(0, 2)) * width
    feature = Feature("a", clip=(low, low + width), range=(low - reach, low + reach))
    layers = (Affine(1), Gru(1, 3), Linear(3, 1), AddLast((0,), is_clipped=False))
    spec = ModelSpec((feature,), (Target("a"),), layers)
    weights = random_weights(spec, rng)
    weights["layers.0.shift"][:] = low + width / 2
    weights["layers.0.scale"][:] = 1 / width
    weights["layers.2.weight"][:], weights["layers.2.bias"][:] = 0, 0
    x = rng.uniform(low, low + width, (50, 1)).astype(np.float32)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    step = float(model.tensors["input.0.step"][0])
    far = rng.uniform(low - reach, low + reach, (200, 1)).astype(np.float32)
    found = outputs(IntegerEngine(model), spec, far)
    error = np.abs(found.astype(np.float64) - far)
    assert (error <= step / 2 + np.spacing(np.abs(far).max())).all()
    assert step < 4 * max(width / LARGEST_VALUE, (reach + width) / LARGEST_READING)


def test_a_range_too_wide_beside_the_clip_is_refused() -> None:
    layers = (Affine(1), Gru(1, 3), Linear(3, 1), AddLast((0,), is_clipped=False))
    feature = Feature("flow", clip=(0.0, 1.0), range=(-1e6, 1e6))
    spec = ModelSpec((feature,), (Target("flow"),), layers)
    weights = random_weights(spec, np.random.default_rng(0))
    x = np.linspace(0, 1, 50, dtype=np.float32)[:, None]
    with pytest.raises(SpecError, match=r"feature 'flow', -1e\+06 to 1e\+06.*narrower"):
        quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())


def test_what_takes_readings_says_the_parts() -> None:
    """A difference is integer before a product, else float or kept by name."""
    spec, _ = trained(has_changes=True)
    roles = [part.role for part in layer_roles(spec)]
    assert roles == ["integer", "folded", "integer", "integer", "folded", "integer"]
    kept = [part.role for part in layer_roles(spec, frozenset({1}))]
    assert kept[:3] == ["float", "float", "integer"]
    assert inputs_of(spec, series()[:3]).shape == (3, 1)
