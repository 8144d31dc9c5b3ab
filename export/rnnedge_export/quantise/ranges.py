"""The ranges that values take while the calibration stream runs through the float network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.arrays import State
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.backends.numpy_f32 import layer_step, prepare
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS, Float32, flush, within
from rnnedge_runtime.numerics.f32 import readings as readings_of
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.layers import (
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Lstm,
    RecurrentLayer,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.engine import Engine

from ..formats.rnne.writing import quick_engine
from .graph_ranges import measure_graph
from .seen import Ranges as Ranges

CALIBRATION_STEPS = 10_000
"""Most rows that are streamed: a few seconds, and what is large shows in far fewer."""
_FEWEST_ROWS = 200
_MOST_FEATURES = 65_536  # of a file


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
    if is_graph(spec):
        measure_graph(spec, weights, readings, ranges)
        return ranges
    layers = [_StreamedLayer(spec, k, weights) for k in range(len(spec.layers))]
    most = max(1, CALIBRATION_STEPS // _FEWEST_ROWS)
    chosen = readings[:: -(-len(readings) // most)]
    with np.errstate(all="ignore"):
        for x in chosen:
            rows = x[-(CALIBRATION_STEPS // len(chosen)) :]
            _stream(layers, rows, bounds, ranges)
    return ranges


class _StreamedLayer:
    """One layer over a whole stream; a product or a cell in the C core where it is built.

    Both give the bytes of `f32.v1`, so the ranges do not depend on the machine.
    """

    def __init__(self, spec: ModelSpec, k: int, weights: Weights) -> None:
        self.k = k
        self.layer = layer = spec.layers[k]
        own = {name: weights[f"layers.{k}.{name}"] for name in layer.weight_shapes()}
        self._tensors = prepare(layer, own)
        self._engine: Engine | None = None
        if isinstance(layer, Linear | RecurrentLayer):
            self._engine = _engine_of(layer, own)

    def run(self, z: Float32, x: Float32, readings: Float32) -> tuple[Float32, float]:
        """Outputs `[T, N]` from the initial state, and the largest cell state.

        Args:
            z: `[T, K]` what the layer before gave.
            x: `[T, I]` model inputs.
            readings: the same before the clip.
        """
        layer = self.layer
        state: State = []
        if isinstance(layer, Lstm):
            return self._cells(z)
        if self._engine is not None:
            shapes = layer.state_shapes().values()
            state = [np.zeros((1, *shape), np.float32) for shape in shapes]
            return np.asarray(self._engine.run(z[None], state)[0][0], np.float32), 0.0
        if isinstance(layer, Difference):
            values = flush(readings[:, list(layer.sources)])
            last = np.zeros((len(z), values.shape[1] + 1), dtype=np.float32)
            last[1:, :-1], last[1:, -1] = values[:-1], 1
            x, state = z, [last]
        return layer_step(layer, self._tensors, z, iter(state), x, readings)[0], 0.0

    def _cells(self, z: Float32) -> tuple[Float32, float]:
        assert self._engine is not None
        stepper, largest = self._engine.stepper(), 0.0
        y = np.empty((len(z), self.layer.output_size), dtype=np.float32)
        for row, out in zip(z, y, strict=True):
            stepper.step(row, out)
            largest = max(largest, _largest(stepper.get_state()[1]))
        return y, largest


def _stream(
    layers: list[_StreamedLayer],
    readings: Float32,
    bounds: tuple[Float32, Float32],
    ranges: Ranges,
) -> None:
    """Widen the ranges by what every layer gives, one after the other.

    Raises:
        SpecError: a layer is not finite.
    """
    x = within(readings, *bounds)
    z = x if isinstance(layers[0].layer, Affine | Embedding) else flush(x)
    for item in layers:
        k, layer = item.k, item.layer
        z, cell = item.run(z, x, readings)
        magnitude = np.abs(z).max(axis=0).astype(np.float64)
        if not np.isfinite(magnitude.max(initial=cell)):
            raise SpecError(
                f"int8: layer {k} ({layer.kind}) is not finite on the calibration stream, "
                "so it has no range. Train with a smaller learning rate, or look for "
                "readings out of all proportion."
            )
        seen = ranges.outputs.get(k)
        ranges.outputs[k] = magnitude if seen is None else np.maximum(seen, magnitude)
        if isinstance(layer, Lstm):
            ranges.cells[k] = max(ranges.cells.get(k, 0.0), cell)


def _largest(tensor: NDArray[np.floating]) -> float:
    """Largest magnitude; infinity where one is NaN."""
    largest = float(np.abs(tensor).max())
    return largest if largest == largest else float("inf")


def _engine_of(layer: Layer, own: Weights) -> Engine:
    """A layer alone, to be run on what the layer before gave."""
    spec = ModelSpec(
        tuple(Feature(f"x_{k}") for k in range(layer.input_size)),
        tuple(Target(f"y_{k}") for k in range(layer.output_size)),
        (layer,),
    )
    weights = {f"layers.0.{name}": tensor for name, tensor in own.items()}
    if spec.input_size > _MOST_FEATURES:
        return numpy_engine(spec, weights)
    empty = np.zeros((0, spec.input_size), np.float32)
    nothing = np.zeros((0, spec.output_size), np.float32)
    metadata = Metadata(spec, "0" * 64, NUMERICS, Golden(empty, nothing), "")
    return quick_engine(metadata, weights)
