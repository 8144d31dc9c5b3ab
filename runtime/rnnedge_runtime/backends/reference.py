"""The reference engine: NumPy float64, written like the equations.

It judges every other engine, so it is kept plain: one step after the other, one layer after
the other. Stepping and running a sequence give the same bits, and so do a stream alone and
the same stream in a batch, because every product is a matrix times one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import SpecError
from ..formats.metadata import Metadata
from ..formats.onnx_weights import read_onnx_weights
from ..formats.rnne_file import read_rnne
from ..spec.clip import clip_bounds
from ..spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from ..spec.model_spec import ModelSpec
from ..spec.w8a16_model import QuantisedModel
from ..spec.weights import Weights
from ..streams.engine import Engine
from ..streams.run_stepper import RunStepper

Float = NDArray[np.floating]
Tensors = dict[str, Float]
Given = tuple[Float, Float]


def open_reference(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of an `.onnx` or `.rnne` artifact.

    Raises:
        FormatError: the file is damaged, too new or not an artifact.
        SpecError: the file holds a graph that is not a chain of layers, or integers.
        MissingDependencyError: the onnx package, which an `.onnx` needs, is not installed.
    """
    metadata, weights = read_weights(path)
    return metadata, ReferenceEngine(metadata.spec, weights)


def read_weights(path: Path) -> tuple[Metadata, Weights]:
    """Description and canonical weights of an artifact, raising as `open_reference`."""
    if path.suffix.lower() != ".rnne":
        return read_onnx_weights(path)
    metadata, parameters = read_rnne(path)
    if isinstance(parameters, QuantisedModel):
        raise SpecError(
            f"{path.name}: the weights are integers ({metadata.numerics}), so there is no "
            "float64 reference of them; the backend 'numpy' is the definition. "
            "Judge its error against the float artifact of the same run."
        )
    return metadata, parameters


class ReferenceEngine:
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
        self.dtype: np.dtype[np.floating] = np.dtype(dtype)
        self._spec = spec
        self._clip = clip_bounds(spec)
        self._tensors: list[Tensors] = [
            {
                name: weights[f"layers.{k}.{name}"].astype(dtype)
                for name in layer.weight_shapes()
            }
            for k, layer in enumerate(spec.layers)
        ]

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps (`engine.Engine.run`)."""
        y = np.empty((*x.shape[:2], self._spec.output_size), self.dtype)
        state = [tensor.astype(self.dtype) for tensor in state]
        for t in range(x.shape[1]):
            y[:, t], state = self._step(x[:, t].astype(self.dtype), state)
        return y, state

    def stepper(self) -> RunStepper:
        """A fresh stream in the initial state."""
        return RunStepper(self, self._spec)

    def _step(self, x: Float, state: State) -> tuple[Float, State]:
        """`x` `[B, I]` to `[B, O]`; the state is replaced, not changed."""
        readings = x
        x = np.clip(readings, *self._clip)
        carried = iter(state)
        new_state: State = []
        z, given = x, (x, readings)
        for layer, tensors in zip(self._spec.layers, self._tensors, strict=True):
            z, *after = LAYER_STEPS[type(layer)](layer, tensors, z, carried, given)
            new_state += after
        return z, new_state


# A step of each kind of layer: `z` `[B, ...]` to its output, then its new state tensors.
# `carried` gives its state, `given` the model input `[B, I]` clipped and as it came.


def _affine(layer: Affine, w: Tensors, z: Float, *_: object) -> tuple[Float]:
    if layer.inverse:
        return (z * w["scale"] + w["shift"],)
    return ((z - w["shift"]) * w["scale"],)


def _add_last(
    layer: AddLast, w: Tensors, z: Float, _: Iterator[Array], given: Given
) -> tuple[Float]:
    source = given[0] if layer.is_clipped else given[1]
    return (z + source[:, list(layer.sources)],)


def _difference(
    layer: Difference, w: Tensors, z: Float, carried: Iterator[Array], given: Given
) -> tuple[Float, ...]:
    """The state is the values of the step before `[B, n]`, then whether there was one."""
    before, values = next(carried), given[1][:, list(layer.sources)]
    change = values - before[:, :-1]
    change[before[:, -1] == 0] = 0.0
    after = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
    return np.concatenate([z, np.clip(change, w["low"], w["high"])], axis=1), after


def _rnn(
    layer: Rnn, w: Tensors, z: Float, carried: Iterator[Array], given: Given
) -> tuple[Float, ...]:
    input_sums, recurrent_sums = _sums(w, z, next(carried))
    h = _FUNCTIONS[layer.nonlinearity](input_sums + recurrent_sums)
    return h, h


def _gru(
    layer: Gru, w: Tensors, z: Float, carried: Iterator[Array], given: Given
) -> tuple[Float, ...]:
    """PyTorch nn.GRU docs; gates r z n, r acts after the recurrent product."""
    h: Float = next(carried)
    input_sums, recurrent_sums = _sums(w, z, h)
    r_in, z_in, n_in = np.split(input_sums, 3, axis=-1)
    r_rec, z_rec, n_rec = np.split(recurrent_sums, 3, axis=-1)
    r = _sigmoid(r_in + r_rec)
    z = _sigmoid(z_in + z_rec)
    n = np.tanh(n_in + r * n_rec)
    h = np.asarray((1 - z) * n + z * h)
    return h, h


def _lstm(
    layer: Lstm, w: Tensors, z: Float, carried: Iterator[Array], given: Given
) -> tuple[Float, ...]:
    """PyTorch nn.LSTM docs; gates i f g o."""
    input_sums, recurrent_sums = _sums(w, z, next(carried))
    i, f, g, o = np.split(input_sums + recurrent_sums, 4, axis=-1)
    c = _sigmoid(f) * next(carried) + _sigmoid(i) * np.tanh(g)
    h = _sigmoid(o) * np.tanh(c)
    if layer.proj_size:
        h = _times(w["weight_hr"], h)
    return h, h, c


def _sums(w: Tensors, z: Float, h: Float) -> tuple[Float, Float]:
    """What a cell's gates get from its input, and from its state."""
    return (
        _times(w["weight_ih"], z) + w["bias_ih"],
        _times(w["weight_hh"], h) + w["bias_hh"],
    )


def _times(weight: Float, z: Float) -> Float:
    """`weight` `[out, in]` times each row of `z` `[B, in]`, one vector at a time."""
    return np.asarray(np.matmul(weight, z[:, :, None])[:, :, 0])


def _sigmoid(z: Float) -> Float:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _relu(z: Float) -> Float:
    return np.maximum(z, 0.0)


def _softmax(z: Float) -> Float:
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _tanh(z: Float) -> Float:
    return np.tanh(z)


_FUNCTIONS = {"tanh": _tanh, "relu": _relu, "sigmoid": _sigmoid}


def _token_ids(values: Float, num_embeddings: int) -> NDArray[np.int64]:
    is_known = (values >= 0) & (values < num_embeddings)
    return np.where(is_known, values, 0).astype(np.int64)


LAYER_STEPS: dict[type[Layer], Callable[..., tuple[Float, ...]]] = {
    Affine: _affine,
    Rnn: _rnn,
    Gru: _gru,
    Lstm: _lstm,
    Embedding: lambda layer, w, z, *_: (
        w["weight"][_token_ids(z[:, 0], layer.num_embeddings)],
    ),
    Linear: lambda layer, w, z, *_: (_times(w["weight"], z) + w["bias"],),
    Activation: lambda layer, w, z, *_: (_FUNCTIONS[layer.function](z),),
    Softmax: lambda layer, w, z, *_: (_softmax(z),),
    AddLast: _add_last,
    Difference: _difference,
}
