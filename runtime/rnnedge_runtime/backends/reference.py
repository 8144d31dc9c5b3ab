"""The reference engine: NumPy float64, written like the equations.

It judges every other engine, so it is kept plain: one step after the other, one layer after
the other. Stepping and running a sequence give the same bits, and so do a stream alone and
the same stream in a batch, because every product is a matrix times one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import SpecError
from ..formats.metadata import Metadata
from ..formats.onnx_weights import read_onnx_weights
from ..formats.rnne_file import read_rnne
from ..numerics.f32 import token_ids
from ..spec import layers
from ..spec.clip import clip_bounds
from ..spec.model_spec import ModelSpec
from ..spec.w8a16_model import QuantisedModel
from ..spec.weights import Weights
from ..streams.engine import Engine
from .graph_reference import FUNCTIONS, GRAPH_STEPS, sigmoid
from .graph_walk import step_graph

Float = NDArray[np.floating]
Tensors = dict[str, Float]
Carried = Iterator[Array]
Given = tuple[Float, Float]
After = tuple[Float, ...]
"""What a layer gives, then its new state."""


def open_reference(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.onnx` or `.rnne` artifact.

    Raises:
        FormatError: the file is damaged, too new or not an artifact.
        SpecError: the file holds a graph that is not a chain of layers, or integers.
        MissingDependencyError: the onnx package, which an `.onnx` needs, is not installed.
    """
    if path.suffix.lower() != ".rnne":
        metadata, weights = read_onnx_weights(path)
        return metadata, ReferenceEngine(metadata.spec, weights)
    metadata, parameters = read_rnne(path)
    if isinstance(parameters, QuantisedModel):
        raise SpecError(
            f"{path.name}: the weights are integers ({metadata.numerics}), so there is no "
            "float64 reference of them; the backend 'numpy' is the definition. "
            "Judge its error against the float artifact of the same run."
        )
    return metadata, ReferenceEngine(metadata.spec, parameters)


class ReferenceEngine(Engine):
    """A ModelSpec and its canonical weights as an Engine (`engine.py`).

    Args:
        spec: what to compute.
        weights: its canonical weights.
        dtype: float64; float32 shows what float32 arithmetic alone is off by.

    Raises:
        SpecError: the spec holds an opaque graph.
    """

    backend = "reference"

    def __init__(
        self, spec: ModelSpec, weights: Weights, dtype: type[np.floating] = np.float64
    ) -> None:
        if spec.is_opaque:
            raise SpecError(
                "reference backend: the model is a graph that is not a chain of layers. "
                "Use the backend of its file: onnx, or torchscript for a .pt."
            )
        super().__init__(spec)
        self.dtype = np.dtype(dtype)
        self._clip = clip_bounds(spec)
        self._tensors: list[Tensors] = [
            {
                name: weights[f"layers.{k}.{name}"].astype(dtype)
                for name in layer.weight_shapes()
            }
            for k, layer in enumerate(spec.layers)
        ]

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        y = np.empty((*x.shape[:2], self.spec.output_size), self.dtype)
        state = [tensor.astype(self.dtype) for tensor in state]
        for t in range(x.shape[1]):
            y[:, t], state = self._step(x[:, t].astype(self.dtype), state)
        return y, state

    def _step(self, x: Float, state: State) -> tuple[Float, State]:
        """`x` `[B, I]` to `[B, O]`; the state is replaced, not changed."""
        readings = x
        x = np.clip(readings, *self._clip)
        given = (x, readings)

        def step(k: int, layer: layers.Layer, z: Any, carried: Carried) -> After:
            run = LAYER_STEPS[type(layer)]
            return run(layer, self._tensors[k], z, carried, given)

        return step_graph(self.spec, state, step, lambda layer: x)


# A step of each kind of layer: `z` `[B, ...]` to its output, then its new state tensors.
# `carried` gives its state, `given` the model input `[B, I]` clipped and as it came.


def _affine(layer: layers.Affine, w: Tensors, z: Float, *_: object) -> After:
    if layer.inverse:
        return (z * w["scale"] + w["shift"],)
    return ((z - w["shift"]) * w["scale"],)


def _add_last(
    layer: layers.AddLast, w: Tensors, z: Float, _: Carried, given: Given
) -> After:
    source = given[0] if layer.is_clipped else given[1]
    return (z + source[:, list(layer.sources)],)


def _difference(
    layer: layers.Difference, w: Tensors, z: Float, carried: Carried, given: Given
) -> After:
    """The state is the values of the step before `[B, n]`, then whether there was one."""
    before, values = next(carried), given[1][:, list(layer.sources)]
    change = values - before[:, :-1]
    change[before[:, -1] == 0] = 0.0
    after = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
    return np.concatenate([z, np.clip(change, w["low"], w["high"])], axis=1), after


def _rnn(layer: layers.Rnn, w: Tensors, z: Float, carried: Carried, *_: Any) -> After:
    input_sums, recurrent_sums = _sums(w, z, next(carried))
    h = FUNCTIONS[layer.nonlinearity](input_sums + recurrent_sums)
    return h, h


def _gru(layer: layers.Gru, w: Tensors, z: Float, carried: Carried, *_: Any) -> After:
    """PyTorch nn.GRU docs; gates r z n, r acts after the recurrent product."""
    h: Float = next(carried)
    input_sums, recurrent_sums = _sums(w, z, h)
    r_in, z_in, n_in = np.split(input_sums, 3, axis=-1)
    r_rec, z_rec, n_rec = np.split(recurrent_sums, 3, axis=-1)
    r = sigmoid(r_in + r_rec)
    z = sigmoid(z_in + z_rec)
    n = np.tanh(n_in + r * n_rec)
    h = np.asarray((1 - z) * n + z * h)
    return h, h


def _lstm(layer: layers.Lstm, w: Tensors, z: Float, carried: Carried, *_: Any) -> After:
    """PyTorch nn.LSTM docs; gates i f g o."""
    input_sums, recurrent_sums = _sums(w, z, next(carried))
    i, f, g, o = np.split(input_sums + recurrent_sums, 4, axis=-1)
    c = sigmoid(f) * next(carried) + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    if layer.proj_size:
        h = _times(w["weight_hr"], h)
    return h, h, c


def _sums(w: Tensors, z: Float, h: Float) -> tuple[Float, Float]:
    """What a cell's gates get from its input, and from its state."""
    return (
        _times(w["weight_ih"], z) + w["bias_ih"],
        _times(w["weight_hh"], h) + w["bias_hh"],
    )


def _lru(layer: layers.Lru, w: Tensors, z: Any, carried: Carried, *_: Any) -> After:
    z, dt = z if layer.has_step else (z, np.ones((1, 1)))
    d, n, o = np.split(_times(w["weight"], z) + w["bias"], 3, axis=-1)
    h, rate = next(carried), np.logaddexp(0, d)
    h = h - np.expm1(-rate * np.maximum(dt, 0)) * (np.tanh(n) - h)
    return sigmoid(o) * h, h


def _times(weight: Float, z: Float) -> Float:
    """`weight` `[out, in]` times each row of `z` `[B, in]`, one vector at a time."""
    return np.asarray(np.matmul(weight, z[:, :, None])[:, :, 0])


def _linear(layer: layers.Linear, w: Tensors, z: Float, *_: Any) -> After:
    rows = z.reshape(len(z) * layer.positions, -1)
    return ((_times(w["weight"], rows) + w["bias"]).reshape(len(z), -1),)


def _softmax(layer: layers.Softmax, w: Tensors, z: Float, *_: Any) -> After:
    parts = z.reshape(len(z), layer.groups, -1)
    v = parts - parts.max(axis=-1, keepdims=True)
    total = np.exp(v).sum(axis=-1, keepdims=True)
    return (
        (v - np.log(total) if layer.is_log else np.exp(v) / total).reshape(z.shape),
    )


LAYER_STEPS: dict[type[layers.Layer], Callable[..., After]] = {
    layers.Affine: _affine,
    layers.Rnn: _rnn,
    layers.Gru: _gru,
    layers.Lstm: _lstm,
    layers.Embedding: lambda layer, w, z, *_: (
        w["weight"][token_ids(z[:, 0], layer.num_embeddings)],
    ),
    layers.Linear: _linear,
    layers.Activation: lambda layer, w, z, *_: (
        FUNCTIONS[layer.function](z, *layer.parameters),
    ),
    layers.Softmax: _softmax,
    layers.AddLast: _add_last,
    layers.Difference: _difference,
    layers.Lru: _lru,
    **GRAPH_STEPS,
}
