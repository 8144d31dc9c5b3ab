"""The ranges that values take while the calibration stream runs through the float network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.float32 import Tensors, layer_step, prepare
from rnnedge_runtime.engine import State, initial_state
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.input_handling import clip_bounds
from rnnedge_runtime.layers import Affine, Embedding, Layer, Lstm
from rnnedge_runtime.numerics import Float32, flush, within
from rnnedge_runtime.numerics import readings as readings_of
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.weights import Weights

Float64 = NDArray[np.float64]

CALIBRATION_STEPS = 10_000
"""Most rows that are streamed: a few seconds, and what is large shows in far fewer."""
_FEWEST_ROWS = 200


@dataclass(slots=True)
class Ranges:
    """What was seen on the calibration stream.

    Attributes:
        low: `[I]` smallest model inputs, in raw units.
        high: `[I]` largest model inputs.
        outputs: `[N]` per layer, largest magnitudes of its output.
        cells: per LSTM layer, largest magnitude of its cell state.
    """

    low: Float64
    high: Float64
    outputs: dict[int, Float64] = field(default_factory=dict)
    cells: dict[int, float] = field(default_factory=dict)


def measure_ranges(
    spec: ModelSpec, weights: Weights, *streams: NDArray[np.float32]
) -> Ranges:
    """Stream each `[T, I]` through the float network with its state carried.

    Model inputs are looked at in every row, what happens inside in the last
    `CALIBRATION_STEPS` rows, shared out among the streams.

    Raises:
        SpecError: there is nothing to calibrate on, or the network is not finite there.
    """
    streams = tuple(x for x in streams if len(x))
    if not streams:
        raise SpecError(
            "int8: the calibration stream has no rows, expected the training part of the "
            "data. Pass stream= with rows like those the model was trained on."
        )
    bounds = clip_bounds(spec)
    readings = [readings_of(np.asarray(x, dtype=np.float32)) for x in streams]
    inputs = [within(x, *bounds) for x in readings]
    ranges = Ranges(
        np.min([x.min(axis=0) for x in inputs], axis=0).astype(np.float64),
        np.max([x.max(axis=0) for x in inputs], axis=0).astype(np.float64),
    )
    prepared = [
        prepare(
            layer,
            {name: weights[f"layers.{k}.{name}"] for name in layer.weight_shapes()},
        )
        for k, layer in enumerate(spec.layers)
    ]
    most = max(1, CALIBRATION_STEPS // _FEWEST_ROWS)
    chosen = readings[:: -(-len(readings) // most)]
    with np.errstate(all="ignore"):
        for x in chosen:
            rows = x[-(CALIBRATION_STEPS // len(chosen)) :]
            _stream(spec, prepared, rows, bounds, ranges)
    for k, layer in enumerate(spec.layers):
        largest = ranges.outputs[k].max(initial=ranges.cells.get(k, 0.0))
        if not np.isfinite(largest):
            raise SpecError(
                f"int8: layer {k} ({layer.kind}) is not finite on the calibration stream, "
                "so it has no range. Train with a smaller learning rate, or look for "
                "readings out of all proportion."
            )
    return ranges


def _stream(
    spec: ModelSpec,
    prepared: list[Tensors],
    readings: Float32,
    bounds: tuple[Float32, Float32],
    ranges: Ranges,
) -> None:
    state = initial_state(spec.graph_state, 1, np.float32)
    is_raw = isinstance(spec.layers[0], Affine | Embedding)
    for row in readings:
        carried: Iterator[NDArray[np.floating]] = iter(state)
        new_state: State = []
        held = row[None]
        x = within(held, *bounds)
        z = x if is_raw else flush(x)
        for k, layer in enumerate(spec.layers):
            z, layer_state = layer_step(layer, prepared[k], z, carried, x, held)
            new_state += layer_state
            _widen(ranges, k, layer, z, layer_state)
        state = new_state


def _widen(
    ranges: Ranges, k: int, layer: Layer, z: Float32, layer_state: State
) -> None:
    magnitude = np.abs(z[0]).astype(np.float64)
    seen = ranges.outputs.get(k)
    ranges.outputs[k] = magnitude if seen is None else np.maximum(seen, magnitude)
    if isinstance(layer, Lstm):
        largest = float(np.abs(layer_state[1]).max())
        ranges.cells[k] = max(ranges.cells.get(k, 0.0), largest)
