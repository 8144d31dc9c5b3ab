"""Hypothesis strategies: model descriptions, weights, readings, partitions."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from support.rnn_cells import CELLS

from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights, canonical_weights, weight_shapes

SIZES = (1, 2, 7, 17, 31)
UNITS = ("", "C", "m/s", "°F", "µg/m³")
seeds = st.integers(0, 2**32 - 1)


@st.composite
def features(draw, name: str, version: int = 2) -> Feature:
    missing = draw(st.sampled_from(("hold", "hold", "reject")))
    has_range = version > 1 and missing == "hold" and draw(st.booleans())
    return Feature(
        name,
        draw(st.sampled_from(UNITS)),
        missing,
        draw(st.sampled_from((None, (-1.5, 1.25)))),
        draw(st.floats(-1, 1, width=32)),
        (-2.0, 2.5) if has_range else None,
    )


@st.composite
def differences(draw, input_size: int, num_inputs: int) -> Difference:
    sources = st.lists(st.integers(0, num_inputs - 1), min_size=1, max_size=3)
    return Difference(input_size, tuple(draw(sources)))


@st.composite
def recurrent_layers(draw, input_size: int):
    hidden = draw(st.sampled_from(SIZES))
    return draw(st.sampled_from([*CELLS.values()]))(input_size, hidden)


@st.composite
def model_specs(draw, version: int = 2) -> ModelSpec:
    """Forecasters of sensor readings and, one time in five, models of tokens.

    Args:
        version: of the spec; with 1 it holds nothing that came later.
    """
    is_of_tokens = draw(st.integers(0, 4)) == 0
    return draw(token_specs() if is_of_tokens else sensor_specs(version))


@st.composite
def sensor_specs(draw, version: int = 2) -> ModelSpec:
    names = [f"sensor_{k}" for k in range(draw(st.integers(1, 4)))]
    inputs = tuple(draw(features(name, version)) for name in names)
    derived = tuple(
        DerivedInput(
            draw(st.sampled_from((86_400, 31_556_952, 7))),
            draw(st.integers(-(10**6), 10**6)),
        )
        for _ in range(draw(st.integers(0, 2)))
    )
    horizon = draw(st.integers(1, 3))
    quantiles = draw(st.sampled_from(((), (0.1, 0.5, 0.9), (0.25, 0.75))))
    targets = tuple(Target(name) for name in draw(_subsets(names)))
    output_size = len(targets) * horizon * max(1, len(quantiles))
    size = len(inputs) + 2 * len(derived)
    num_inputs = size
    layers = [Affine(size)] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        if version > 1 and draw(st.integers(0, 5)) == 0:
            layers.append(draw(differences(size, num_inputs)))
            size = layers[-1].output_size
        layers.append(draw(recurrent_layers(size)))
        size = layers[-1].output_size
    if draw(st.booleans()):
        function = draw(st.sampled_from(("tanh", "relu", "sigmoid")))
        layers.append(Activation(size, function))
    layers.append(Linear(size, output_size))
    if draw(st.booleans()):
        layers.append(Affine(output_size, inverse=True))
    if draw(st.booleans()):
        per_target = horizon * max(1, len(quantiles))
        sources = [names.index(target.name) for target in targets]
        is_clipped = version == 1 or draw(st.booleans())
        layers.append(
            AddLast(tuple(np.repeat(sources, per_target).tolist()), is_clipped)
        )
    return ModelSpec(
        features=inputs,
        targets=targets,
        layers=tuple(layers),
        horizon=horizon,
        derived=derived,
        quantiles=quantiles,
        sample_period_s=draw(st.sampled_from((0.5, 60.0, 3600.0))),
    )


@st.composite
def unclipped_specs(draw) -> ModelSpec:
    """Forecasters in integers throughout that need readings before the clip."""
    names = ("a", "b", "c")[: draw(st.integers(1, 3))]
    inputs = tuple(draw(features(name)) for name in names)
    derived = (DerivedInput(86_400, 7),) if draw(st.booleans()) else ()
    num_inputs = size = len(inputs) + 2 * len(derived)
    layers: list[Layer] = []
    has_changes = draw(st.booleans())
    if has_changes:
        layers.append(draw(differences(size, num_inputs)))
        size = layers[-1].output_size
    if draw(st.booleans()):
        layers.append(Affine(size))
    layers.append(draw(recurrent_layers(size)))
    horizon = draw(st.integers(1, 3))
    layers.append(Linear(layers[-1].output_size, horizon))
    if draw(st.booleans()):
        layers.append(Affine(horizon, inverse=True))
    if not has_changes or draw(st.booleans()):
        source = draw(st.integers(0, num_inputs - 1))
        layers.append(AddLast((source,) * horizon, is_clipped=False))
    return ModelSpec(
        inputs,
        (Target(names[0]),),
        tuple(layers),
        horizon=horizon,
        derived=derived,
        sample_period_s=60.0,
    )


@st.composite
def token_specs(draw) -> ModelSpec:
    vocabulary = ("<unk>", *draw(st.sampled_from(("a", "öß\n\"'\\", "abcdefg"))))
    size = draw(st.sampled_from(SIZES))
    layer = draw(recurrent_layers(size))
    return ModelSpec(
        features=(Feature("token", initial=0.0),),
        targets=tuple(Target(f"p_{k}") for k in range(len(vocabulary))),
        layers=(
            Embedding(len(vocabulary), size),
            layer,
            Linear(layer.output_size, len(vocabulary)),
            Softmax(len(vocabulary)),
        ),
        vocabulary=vocabulary,
    )


def weights(spec: ModelSpec) -> st.SearchStrategy[Weights]:
    """Weights in U(+-1/sqrt(H)): nets with wilder ones amplify rounding errors."""
    return seeds.map(lambda seed: random_weights(spec, np.random.default_rng(seed)))


def random_weights(spec: ModelSpec, rng: np.random.Generator) -> Weights:
    drawn = {}
    for name, shape in weight_shapes(spec).items():
        layer = spec.layers[int(name.split(".")[1])]
        fan = getattr(layer, "hidden_size", layer.input_size) or 1
        low, high = -1 / np.sqrt(fan), 1 / np.sqrt(fan)
        if isinstance(layer, Affine):
            low, high = (0.5, 2.0) if name.endswith("scale") else (-1.0, 1.0)
        if isinstance(layer, Difference):
            low, high = (0.1, 1.5) if name.endswith("high") else (-1.5, -0.1)
        drawn[name] = rng.uniform(low, high, shape)
    return canonical_weights(spec, drawn)


def sequences(spec: ModelSpec, max_size: int = 40) -> st.SearchStrategy[np.ndarray]:
    """`[T, F]` readings, T from 0, with outliers and readings missing where held."""
    return st.builds(
        lambda seed, size: random_readings(spec, np.random.default_rng(seed), size),
        seeds,
        st.integers(0, max_size),
    )


def random_readings(spec: ModelSpec, rng: np.random.Generator, size: int) -> np.ndarray:
    shape = (size, spec.num_features)
    if spec.vocabulary:
        return rng.integers(0, len(spec.vocabulary) + 2, shape).astype(np.float32)
    readings = rng.normal(size=shape).astype(np.float32)
    readings[rng.random(shape) < 0.05] *= 10
    is_held = np.array([feature.missing == "hold" for feature in spec.features])
    for k, feature in enumerate(spec.features):
        if feature.range is not None and not is_held[k]:
            readings[:, k] = readings[:, k].clip(*feature.range)
    gaps = rng.random(shape) < 0.1
    readings[gaps & is_held] = rng.choice(
        np.array([np.nan, np.inf, -np.inf], np.float32), (gaps & is_held).sum()
    )
    return readings


def partitions(size: int) -> st.SearchStrategy[list[int]]:
    """Lengths of chunks, empty ones included, that add up to `size`."""
    cuts = st.lists(st.integers(0, size), max_size=6).map(sorted)
    return cuts.map(lambda inner: np.diff([0, *inner, size]).tolist())


def _subsets(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, unique=True)
