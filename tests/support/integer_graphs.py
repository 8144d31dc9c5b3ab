"""Drawn graphs of up to a dozen layers, for integers: joins, states in branches, loops."""

from __future__ import annotations

import numpy as np
from support.graph_strategies import (
    DRAWS,
    OF_POSITIVE,
    OF_READINGS,
    SMOOTH,
    Drawing,
    OfSeed,
    close,
)

from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, canonical_weights, weight_shapes
from rnnedge_runtime.streams.engine import initial_state

Reads = tuple[int, ...]
NUM_LAYERS = 8
DRAWN = tuple(
    name
    for name in SMOOTH
    if name not in (*OF_READINGS, *OF_POSITIVE, "exp", "divide", "rnn_relu")
)
"""What integers stay close to float in, whatever is around it."""
PARAMETERS: dict[str, tuple[float, ...]] = {
    "leaky_relu": (0.1,),
    "elu": (1.0,),
    "softplus": (1.0, 20.0),
    "hardtanh": (-1.0, 1.0),
}


def activation(size: int, function: str) -> Layer:
    """A function with parameters as in PyTorch."""
    parameters = PARAMETERS.get(function, ())
    return layers.Activation(size, function, parameters)  # type: ignore[arg-type]


def drawn_graph(seed: int) -> tuple[ModelSpec, Weights]:
    """A tame graph with weights, without readings that are float; affines keep half."""
    choices = OfSeed(seed)
    d = Drawing(choices, choices.integer(1, 4), is_tame=True)
    for _ in range(choices.integer(0, 2)):
        DRAWS["memory"](d)
    while len(d.layers) < NUM_LAYERS:
        DRAWS[choices.pick(DRAWN)](d)
    close(d, 2)
    return graph_of(d.layers, d.reads, seed, d.input_size)


def graph_of(
    given: list[Layer], reads: list[Reads], seed: int = 0, input_size: int | None = None
) -> tuple[ModelSpec, Weights]:
    """A spec with drawn weights; affines keep about half."""
    size = given[0].input_size if input_size is None else input_size
    spec = ModelSpec(
        tuple(Feature(f"x_{k}") for k in range(size)),
        tuple(Target(f"y_{k}") for k in range(given[-1].output_size)),
        tuple(given),
        wiring=tuple(reads),
    )
    rng = np.random.default_rng(seed)
    drawn = {}
    for name, shape in weight_shapes(spec).items():
        layer = spec.layers[int(name.split(".")[1])]
        fan = getattr(layer, "hidden_size", layer.input_size or 1)
        low, high = -1 / np.sqrt(fan), 1 / np.sqrt(fan)
        if name.endswith("scale"):
            low, high = 0.2, 0.8
        drawn[name] = rng.uniform(low, high, shape)
    return spec, canonical_weights(spec, drawn)


def readings_of(spec: ModelSpec, size: int, seed: int = 1) -> np.ndarray:
    """`[T, I]` model inputs that follow one another."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(size, spec.input_size))
    smooth = steps + np.roll(steps, 1, 0) + np.roll(steps, 2, 0)
    return np.asarray(smooth / 2, dtype=np.float32)


def in_integers(
    spec: ModelSpec, weights: Weights, rows: np.ndarray | None = None
) -> QuantisedModel:
    """Calibrated on rows, or on `readings_of`."""
    given = readings_of(spec, 120) if rows is None else rows
    return quantise(spec, weights, measure_ranges(spec, weights, given), frozenset())


def run_integers(model: QuantisedModel, x: np.ndarray) -> np.ndarray:
    """`[T, O]` of one stream in NumPy."""
    state = initial_state(model.spec.graph_state, 1, np.float32)
    return np.asarray(IntegerEngine(model).run(x[None], state)[0][0])
