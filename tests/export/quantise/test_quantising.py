"""From float weights to integers: scales, edge cases, and how far they are from float."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    inputs_of,
    large_state_model,
    quantised_model,
    quantised_models,
)
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import CALIBRATION_STEPS, measure_ranges
from rnnedge_export.quantise.report import count_saturations, cut_rows
from rnnedge_export.quantise.request import find_layers
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs
from rnnedge_runtime.tolerances import INT8_DRAWN_FRACTION

CALIBRATION_SEED = 1  # of `quantised_model`


def spec_of(*layers: Layer, clip: tuple[float, float] | None = None) -> ModelSpec:
    return ModelSpec(
        tuple(Feature(f"x_{k}", clip=clip) for k in range(layers[0].input_size)),
        tuple(Target(f"y_{k}") for k in range(layers[-1].output_size)),
        layers,
    )


def drawn(spec: ModelSpec, seed: int = 0) -> Weights:
    return random_weights(spec, np.random.default_rng(seed))


def stream(spec: ModelSpec, size: int = 60) -> np.ndarray:
    rng = np.random.default_rng(CALIBRATION_SEED)
    return rng.normal(size=(size, spec.input_size)).astype(np.float32)


def outputs(
    spec: ModelSpec, weights: Weights, model: QuantisedModel, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    state = initial_state(spec.graph_state, 1, np.float64)
    y, _ = ReferenceEngine(spec, weights).run(x[None], state)
    state = initial_state(spec.graph_state, 1, np.float32)
    y_int8, _ = IntegerEngine(model).run(x[None], state)
    return y[0], y_int8[0]


def check_close(
    spec: ModelSpec, weights: Weights, model: QuantisedModel, x: np.ndarray
) -> None:
    y, y_int8 = outputs(spec, weights, model, x)
    limit = INT8_DRAWN_FRACTION * (np.abs(y).max() + 0.01)
    assert np.abs(y_int8 - y).max() <= limit


@settings(max_examples=60)
@given(spec=model_specs(version=1), seed=seeds)
def test_integers_are_close_to_float(spec: ModelSpec, seed: int) -> None:
    weights = drawn(spec, seed)
    kept = {k for k, layer in enumerate(spec.layers) if isinstance(layer, Softmax)}
    model = quantised_model(spec, weights, frozenset(kept))
    rng = np.random.default_rng(CALIBRATION_SEED)
    x = inputs_of(spec, random_readings(spec, rng, 40))
    check_close(spec, weights, model, x)


@pytest.mark.parametrize(
    "layers",
    [
        (Affine(2), Gru(2, 7), Linear(7, 2), Affine(2, inverse=True), AddLast((0, 1))),
        (Rnn(2, 9, "relu"), Linear(9, 2)),
        (Rnn(2, 9, "relu"), Rnn(9, 5, "relu"), Activation(5, "tanh"), Linear(5, 1)),
        (Lstm(2, 9, 4), Lstm(4, 6), Linear(6, 3)),
        (Activation(2, "sigmoid"), Gru(2, 5), Linear(5, 1)),
        (Linear(2, 5), Activation(5, "relu"), Linear(5, 1)),
        (Linear(2, 5), Activation(5, "tanh"), Lstm(5, 4), Linear(4, 1)),
    ],
    ids=lambda layers: "-".join(layer.kind for layer in layers),
)
def test_weights_of_zero_give_their_biases(layers) -> None:
    spec = spec_of(*layers)
    weights = drawn(spec)
    for name, tensor in weights.items():
        if "weight" in name:
            tensor[...] = 0
    x = stream(spec)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    check_close(spec, weights, model, x)


def test_a_layer_whose_weights_do_not_fit_is_cut_and_named() -> None:
    spec = spec_of(Gru(2, 5), Linear(5, 5), Activation(5, "tanh"), Linear(5, 1))
    for name, factor, expected in (
        ("layers.0.weight_hh", 1e5, {"0 gru weight_hh": 15}),
        ("layers.0.bias_ih", 1e7, {"0 gru bias": 15}),
        ("layers.1.weight", 1e5, {"1 linear weight": 5}),
    ):
        weights = drawn(spec)
        weights[name] *= np.float32(factor)
        ranges = measure_ranges(spec, weights, stream(spec))
        assert cut_rows(quantise(spec, weights, ranges, frozenset())) == expected


@pytest.mark.parametrize("function", ["tanh", "sigmoid"])
@pytest.mark.parametrize("size", [3, 8, 30, 3000])
def test_a_large_state_reaches_the_limit_of_a_function(function, size) -> None:
    """Wrong: from states of 8 on, the gain left the range of a reader and the export failed."""
    spec, weights = large_state_model(function, size)
    x = stream(spec)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    check_close(spec, weights, model, x)


def test_a_long_row_stays_within_32_bits() -> None:
    """Wrong: 700 weights of 127 with inputs of 32767 overflow an int32 sum."""
    spec = spec_of(Linear(700, 1), clip=(-1, 1))
    weights = drawn(spec)
    weights["layers.0.weight"][...] = 0.5
    x = np.ones((40, 700), np.float32)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    assert np.abs(model.tensors["layers.0.weight"].astype(int)).sum() <= 2**16
    check_close(spec, weights, model, x)


def test_an_output_far_below_its_weights_gets_a_coarser_unit() -> None:
    """Wrong: weights that cancel left a unit no multiplier reaches, called too large."""
    spec = spec_of(Linear(2, 1))
    weights = drawn(spec)
    weights["layers.0.weight"][...] = [[1.0, -1.0]]
    weights["layers.0.bias"][...] = 0
    x = np.repeat(stream(spec_of(Linear(1, 1))), 2, axis=1)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    check_close(spec, weights, model, x)


def test_a_relu_that_stays_small_keeps_bits_its_multipliers_reach() -> None:
    """Wrong: inputs of 20 and outputs below 0.1 asked for a unit no multiplier reaches."""
    spec = spec_of(Rnn(1, 3, "relu"), Linear(3, 1), clip=(-20, 20))
    weights = drawn(spec)
    weights["layers.0.weight_ih"][...] = 2.0
    weights["layers.0.bias_ih"][...] = 0
    weights["layers.0.bias_hh"][...] = 0
    x = 0.02 * np.abs(stream(spec))
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    assert int(model.tensors["layers.0.bits"][0]) < 15
    check_close(spec, weights, model, x)


def test_a_feature_the_scaler_ignores_can_still_be_added_last() -> None:
    """Wrong: a scale of 0 gave its integers a step of 0, and `add_last` added the mean."""
    layers = (Affine(2), Gru(2, 4), Linear(4, 2), AddLast((0, 1)))
    spec = spec_of(*layers)
    weights = drawn(spec)
    weights["layers.0.scale"][...] = [0.0, 1.0]
    x = stream(spec)
    x[:, 0] = 50 + 10 * x[:, 0]
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    assert not model.tensors["layers.1.weight_ih"][:, 0].any()
    check_close(spec, weights, model, x)


def test_a_negative_scale_is_a_scale() -> None:
    spec = spec_of(Affine(2), Gru(2, 4), Linear(4, 1))
    weights = drawn(spec)
    weights["layers.0.scale"][...] = [-1.0, 2.0]
    x = stream(spec)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    check_close(spec, weights, model, x)


def test_a_feature_that_never_changed_may_change_later() -> None:
    """Wrong: its range was a point, and int8 took every later reading for that point."""
    spec = spec_of(Affine(2), Linear(2, 1))
    weights = drawn(spec)
    weights["layers.0.shift"][...] = [3.0, 0.0]
    weights["layers.0.scale"][...] = 1.0
    x = stream(spec)
    x[:, 0] = 3.0
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    x[10:, 0] = 4.0
    check_close(spec, weights, model, x)


def reading_model(level: float, spread: float, seed: int) -> tuple:
    """A scaler at a level and spread, its ranges from readings there, and these."""
    spec = spec_of(Affine(2), Gru(2, 3), Linear(3, 1))
    weights = drawn(spec, seed)
    weights["layers.0.shift"][0] = level
    weights["layers.0.scale"][0] = 1 / spread
    x = stream(spec)
    x[:, 0] = level + spread * x[:, 0]
    return spec, weights, measure_ranges(spec, weights, x), x


@settings(max_examples=25)
@given(ratio=st.floats(-3e4, 3e4), spread=st.floats(1e-6, 1e6), seed=seeds)
def test_a_reading_turns_into_the_same_integer_again(
    ratio: float, spread: float, seed: int
) -> None:
    """Where float32 readings are coarser than a step, the step follows them."""
    spec, weights, ranges, x = reading_model(ratio * spread, spread, seed)
    model = quantise(spec, weights, ranges, frozenset())
    inputs = IntegerInputs(model)
    once = inputs.readings(x)
    assert inputs.readings(once).tobytes() == once.tobytes()
    assert (np.abs(once - x) <= 1.01 * model.tensors["input.0.step"]).all()


def test_readings_that_float32_cannot_tell_apart_cut_off_their_weights() -> None:
    spec, weights, ranges, _ = reading_model(1e9, 1.0, 0)
    model = quantise(spec, weights, ranges, frozenset())
    assert cut_rows(model) == {"1 gru weight_ih": 9}


def test_readings_far_from_zero_without_a_scaler_keep_their_resolution() -> None:
    """Wrong: the steps reached from zero, so a level of 1,000 left a deviation 30 of them."""
    spec = spec_of(Gru(2, 5), Linear(5, 2))
    weights = drawn(spec)
    weights["layers.0.bias_ih"] -= 1000 * weights["layers.0.weight_ih"].sum(axis=1)
    x = 1000 + stream(spec)
    model = quantise(spec, weights, measure_ranges(spec, weights, x), frozenset())
    check_close(spec, weights, model, x)


def test_values_that_are_cut_off_are_counted() -> None:
    """Calibrated on (a, 0), a to 1: inputs reach 2, and so does their sum."""
    spec = spec_of(Linear(2, 1))
    weights = drawn(spec)
    weights["layers.0.weight"][...] = 1.0
    weights["layers.0.bias"][...] = 0.0
    seen = np.zeros((21, 2), np.float32)
    seen[:, 0] = np.linspace(-1, 1, 21)
    model = quantise(spec, weights, measure_ranges(spec, weights, seen), frozenset())
    rng = np.random.default_rng(0)
    x = (0.1 + 0.25 * rng.integers(-12, 12, (300, 2))).astype(np.float32)
    counts, y = count_saturations(model, x, IntegerEngine(model))
    kept = np.clip(x, -2, 2)
    beyond = np.abs(kept.sum(axis=1)) > 2
    assert counts == {"input": int((x != kept).sum()), "0 linear": int(beyond.sum())}
    assert min(counts.values()) > 20
    assert np.abs(y[beyond]) == pytest.approx(2, rel=1e-3)


def test_a_network_that_explodes_has_no_range() -> None:
    spec = spec_of(Rnn(1, 2, "relu"), Linear(2, 1))
    weights = drawn(spec)
    for name in ("weight_ih", "weight_hh"):
        weights[f"layers.0.{name}"][...] = 30.0
    with pytest.raises(SpecError, match=r"layer 0 \(rnn\) is not finite"):
        measure_ranges(spec, weights, np.ones((100, 1), np.float32))


def test_nothing_to_calibrate_on_is_said() -> None:
    spec = spec_of(Gru(1, 2), Linear(2, 1))
    with pytest.raises(SpecError, match="has no rows"):
        measure_ranges(spec, drawn(spec), np.zeros((0, 1), np.float32))


def test_ranges_are_those_of_all_streams() -> None:
    spec = spec_of(Linear(1, 1))
    weights = drawn(spec)
    weights["layers.0.weight"][...] = 2.0
    weights["layers.0.bias"][...] = 0.0
    long = np.zeros((CALIBRATION_STEPS + 5, 1), np.float32)
    long[0] = 9.0  # before the rows that are streamed: its level counts alone
    short = np.array([[1.0], [-3.0]], np.float32)
    ranges = measure_ranges(spec, weights, short, long)
    assert (ranges.low[0], ranges.high[0]) == (-3.0, 9.0)
    assert ranges.outputs[0][0] == 6.0


def test_a_table_of_tokens_that_int16_cannot_name_is_refused() -> None:
    spec = spec_of(Embedding(40_000, 1), Rnn(1, 1), Linear(1, 1))
    weights = drawn(spec)
    ranges = measure_ranges(spec, weights, np.ones((4, 1), np.float32))
    with pytest.raises(SpecError, match=r"layer 0 \(embedding\): its table"):
        quantise(spec, weights, ranges, frozenset())


@settings(max_examples=40)
@given(spec=model_specs(version=1), data=st.data())
def test_layers_are_found_by_position_and_by_kind(
    spec: ModelSpec, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, len(spec.layers) - 1))
    kind = spec.layers[k].kind
    names = [str(k), k, f"layers.{k}"]
    kinds = [layer.kind for layer in spec.layers]
    if kinds.count(kind) == 1:
        names.append(kind)
    else:
        with pytest.raises(
            SpecError, match=f"{kinds.count(kind)} layers are of this kind"
        ):
            find_layers(spec, [kind])
    for name in names:
        assert find_layers(spec, [name]) == {k}
    for name in ("dense", "-1", str(len(kinds)), "layers.", "1.0", ""):
        with pytest.raises(SpecError, match="there is no such layer") as error:
            find_layers(spec, [0, name])
        assert f"{k} {kind}" in str(error.value)


@settings(max_examples=10)
@given(model=quantised_models())
def test_calibrating_leaves_weights_alone(model: QuantisedModel) -> None:
    weights = drawn(model.spec)
    before = {name: tensor.tobytes() for name, tensor in weights.items()}
    x = inputs_of(model.spec, random_readings(model.spec, np.random.default_rng(0), 5))
    ranges = measure_ranges(model.spec, weights, x)
    quantise(model.spec, weights, ranges, model.kept)
    assert before == {name: tensor.tobytes() for name, tensor in weights.items()}
