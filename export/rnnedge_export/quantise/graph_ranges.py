"""The ranges that the values of a graph take while the calibration stream runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnnedge_runtime.arrays import Array
from rnnedge_runtime.backends.graph_walk import step_graph
from rnnedge_runtime.backends.numpy_f32 import layer_step, prepare
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.numerics.f32 import Float32, flush, within
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.layers import Layer, Lstm
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.engine import initial_state

from .seen import Ranges

LANE_STEPS = 1_000
"""Rows that are streamed in one piece: the pieces run side by side."""
_MOST_LANES = 10


def measure_graph(
    spec: ModelSpec, weights: Weights, streams: Sequence[Float32], ranges: Ranges
) -> None:
    """Widen `ranges` by what every layer gives in the last rows of each stream.

    Args:
        spec: a graph.
        weights: its canonical weights.
        streams: `[T, I]` model inputs each, before the clip.
        ranges: what was seen so far.

    Raises:
        SpecError: a layer is not finite.
    """
    tensors = [
        prepare(
            layer,
            {name: weights[f"layers.{k}.{name}"] for name in layer.weight_shapes()},
        )
        for k, layer in enumerate(spec.layers)
    ]
    bounds = clip_bounds(spec)
    with np.errstate(all="ignore"):
        for lanes in _lanes(streams):
            _stream(spec, tensors, lanes, bounds, ranges)
    for k, layer in enumerate(spec.layers):
        if not np.isfinite(ranges.outputs[k].max(initial=ranges.cells.get(k, 0.0))):
            raise SpecError(
                f"int8: layer {k} ({layer.kind}) is not finite on the calibration stream, "
                "so it has no range. Train with a smaller learning rate, or look for "
                "readings out of all proportion."
            )


def _lanes(streams: Sequence[Float32]) -> Iterator[Float32]:
    """Pieces `[B, T, I]` of one length, from the end of each stream."""
    chosen = list(streams[:: -(-len(streams) // _MOST_LANES)])
    num_each = max(1, _MOST_LANES // len(chosen))
    pieces: dict[int, list[Float32]] = {}
    for x in chosen:
        size = min(len(x), LANE_STEPS)
        for i in range(min(num_each, len(x) // size)):
            end = len(x) - i * size
            pieces.setdefault(size, []).append(x[end - size : end])
    return (np.stack(same) for same in pieces.values())


def _stream(
    spec: ModelSpec,
    tensors: list[dict[str, Float32]],
    lanes: Float32,
    bounds: tuple[Float32, Float32],
    ranges: Ranges,
) -> None:
    state = initial_state(spec.graph_state, len(lanes), np.float32)
    for t in range(lanes.shape[1]):
        readings = lanes[:, t]
        x = within(readings, *bounds)
        given, flushed = (x, readings), flush(x)

        def step(
            k: int,
            layer: Layer,
            z: Any,
            carried: Iterator[Array],
            given: tuple[Float32, Float32] = given,
        ) -> tuple[Float32, ...]:
            y, after = layer_step(layer, tensors[k], z, carried, *given)
            _widen(ranges, k, y)
            if isinstance(layer, Lstm):
                largest = float(np.abs(after[1]).max())
                largest = largest if largest == largest else float("inf")
                ranges.cells[k] = max(ranges.cells.get(k, 0.0), largest)
            return (y, *after)

        _, state = step_graph(
            spec,
            state,
            step,
            lambda layer, x=x, z=flushed: x if layer.takes_raw else z,  # type: ignore[misc]
        )


def _widen(ranges: Ranges, k: int, y: Float32) -> None:
    low, high = y.min(axis=0).astype(np.float64), y.max(axis=0).astype(np.float64)
    magnitude = np.maximum(np.abs(low), np.abs(high))
    seen, span = ranges.outputs.get(k), ranges.spans.get(k)
    ranges.outputs[k] = magnitude if seen is None else np.maximum(seen, magnitude)
    least, most = float(low.min()), float(high.max())
    ranges.spans[k] = (
        (least, most) if span is None else (min(least, span[0]), max(most, span[1]))
    )
